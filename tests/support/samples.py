"""The bytes that the released clients sent, as records, with their times moved where a test wants them."""

import base64
import json
import re
import uuid
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import format_utc, parse_utc
from snews_cs.messages.types import Observation, TimingTier

DATA = Path(__file__).parent.parent / "data"
TOPIC = "snews.experiments-test"

_ISO = re.compile(rb"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?")
_OLD = re.compile(rb"\d\d/\d\d/\d\d \d\d:\d\d:\d\d(:\d{6})?")


@dataclass(frozen=True)
class Sample:
    """One record as a released client wrote it.

    Parameters
    ----------
    name, index
        The sample file (without ``.json``) and the record's place in it.
    value, headers
        What the Kafka record holds.
    fields
        What the capture says that the value means: the JSON, or the fields of the pickled model.
    """

    name: str
    index: int
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...]
    fields: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}[{self.index}]"

    def raw(self, *, topic: str = TOPIC, partition: int = 0, offset: int = 0, timestamp_ms: int = -1) -> RawMessage:
        """Return it as the record that stands there."""
        return RawMessage(topic, partition, offset, timestamp_ms, self.headers, self.value)

    def moved(self, by_ns: int) -> "Sample":
        """Return it with every time in it moved, each cut off at the decimals that the client writes."""

        def move_iso(found: re.Match[bytes]) -> bytes:
            moved = format_utc(parse_utc(found[0].decode()) + by_ns).encode()
            decimals = len(found[4]) + 1 if found[4] else 0
            return moved[:10] + found[2] + moved[11 : 19 + decimals]

        def move_old(found: re.Match[bytes]) -> bytes:
            moved = format_utc(parse_utc(found[0].decode()) + by_ns)
            day, decimals = moved[2:10].replace("-", "/"), ":" + moved[20:26] if found[1] else ""
            return f"{day} {moved[11:19]}{decimals}".encode()

        return replace(self, value=_OLD.sub(move_old, _ISO.sub(move_iso, self.value)))

    def moved_to(self, neutrino_time_ns: int) -> "Sample":
        """Return it with its times moved so that its neutrino time is this one (TAI ns, as far as its decimals go)."""
        message = decode(self.raw()).message
        if not isinstance(message, Observation | TimingTier) or message.neutrino_time_ns is None:
            raise ValueError(f"{self} has no neutrino time")
        return self.moved(neutrino_time_ns - message.neutrino_time_ns)

    def sent_again(self) -> "Sample":
        """Return it under new ids, as another message of the same content: hop's ``_id`` and its ``uuid``."""
        new = uuid.uuid4()
        headers = tuple((name, new.bytes if name == "_id" else content) for name, content in self.headers)
        old = self.fields.get("uuid") or self.fields.get("message_id")
        value = self.value.replace(old.encode(), str(new).encode()) if old else self.value
        return replace(self, headers=headers, value=value)


@cache
def samples() -> tuple[Sample, ...]:
    """Return every captured record of a client, ordered by name."""
    return tuple(
        _sample(path.stem, index, record)
        for path in sorted((DATA / "samples").glob("*.json"))
        for index, record in enumerate(_records(json.loads(path.read_text(encoding="utf-8"))))
    )


def sample(name: str, index: int = 0) -> Sample:
    """Return one captured record by the name of its file and its place in it."""
    return next(found for found in samples() if (found.name, found.index) == (name, index))


def json_message(offset: int = 0, *, headers: tuple[tuple[str, bytes | None], ...] = (), **fields: Any) -> RawMessage:
    """Return a record as ``hop publish`` writes it: these fields as JSON."""
    return RawMessage(TOPIC, 0, offset, -1, headers, json.dumps(fields).encode())


def _records(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of a sample file; one without such a list is a record, or (server alerts) its JSON."""
    if "records" in content:
        return list(content["records"])
    return [content if "payload_json" in content else {"payload_json": content}]


def _sample(name: str, index: int, record: dict[str, Any]) -> Sample:
    headers = tuple((str(header), content.encode("latin-1")) for header, content in record.get("headers", ()))
    if "payload_base64" in record:
        return Sample(name, index, base64.b64decode(record["payload_base64"]), headers, record["model_dump"])
    content = record["payload_json"]
    fields = json.loads(content) if isinstance(content, str) else content
    return Sample(name, index, json.dumps(content).encode(), headers, fields)
