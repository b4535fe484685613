"""A message as it came from Kafka, before anything is made of it."""

import hashlib
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The bytes of one Kafka record and where they stood.

    Parameters
    ----------
    topic, partition, offset
        Where the record stands.
    timestamp_ms
        The record's Kafka timestamp, POSIX milliseconds (-1 if it has none).
    headers
        Name and value of each Kafka header, in order; a header's value may be None.
    value
        The record's value; None is possible (a tombstone).
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None

    @property
    def key(self) -> str:
        """Identity of the record: its place, and a digest that tells a topic from one made anew under its name."""
        digest = hashlib.blake2b(str(self.timestamp_ms).encode(), digest_size=16)
        for name, content in (*self.headers, ("", self.value)):
            for part in (name.encode("utf-8", "surrogatepass"), content):
                digest.update(b"-" if part is None else b"%d:%s" % (len(part), part))
        return f"{self.topic}/{self.partition}/{self.offset}/{digest.hexdigest()}"

    def cut(self, limit: int) -> "RawMessage":
        """Return the record with at most ``limit`` bytes of value and headers: the rest is cut off, headers first."""
        if len(self.value or b"") + sum(len(name) + len(value or b"") for name, value in self.headers) <= limit:
            return self
        value = self.value and self.value[:limit]
        left = limit - len(value or b"")
        headers = []
        for name, content in self.headers:
            left -= len(name) + len(content or b"")
            if left < 0:
                break
            headers.append((name, content))
        return replace(self, headers=tuple(headers), value=value)

    def header(self, name: str) -> bytes | None:
        """Value of the first header of that name, None if there is none."""
        return next((value for key, value in self.headers if key == name), None)
