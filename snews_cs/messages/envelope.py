"""From the bytes of a Kafka record to the fields of a message, whatever it was wrapped in.

The content decides, not the ``_format`` header, which anybody may set: a pickle (it starts with 0x80), a JSON object, a
JSON string that holds JSON (snews_pt encodes its connection test twice), or the envelope that hop-client up to 0.5 put
around everything (``{"format": ..., "content": ...}``).
"""

from dataclasses import dataclass
from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import MAX_BYTES
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.strict_json import loads
from snews_cs.messages.unpickle import unpickle

_PICKLE_MAGIC = b"\x80"
_MOST_LAYERS = 4  # hop's old envelope around JSON that was encoded twice


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a record holds.

    Parameters
    ----------
    body
        The fields of the message, nested plain values as JSON gives them.
    model
        The name of its pydantic class if it was pickled; None if it was JSON.
    raw
        The record it came in.
    """

    body: dict[str, Any]
    model: str | None
    raw: RawMessage

    @property
    def message_uuid(self) -> str:
        """Identity of a message that carries no ``uuid`` of its own: hop's ``_id`` header, else the record's place."""
        hop_id = self.raw.header("_id")
        if hop_id is not None and len(hop_id) == 16:
            digits = hop_id.hex()
            return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        return f"{self.raw.topic}/{self.raw.partition}/{self.raw.offset}"

    @property
    def is_hop_test(self) -> bool:
        """Whether it was written with hop's ``test=True`` (``hop publish -t``); like hop, the header's name counts."""
        return any(name == "_test" for name, _ in self.raw.headers)


def open_envelope(raw: RawMessage) -> Envelope:
    """Return what a record holds.

    Raises
    ------
    MessageRefused
        If it holds nothing that a message can be read from: no value, too many bytes, neither JSON nor a pickle, a
        pickle or JSON that is not allowed (see :mod:`~snews_cs.messages.unpickle`,
        :mod:`~snews_cs.messages.strict_json`), or something else than an object.
    """
    value = raw.value
    if not value:
        raise MessageRefused("the message is empty")
    if len(value) > MAX_BYTES:
        raise MessageRefused(f"the message has {len(value)} bytes, more than {MAX_BYTES}")
    if value.startswith(_PICKLE_MAGIC):
        pickled = unpickle(value)
        return Envelope(pickled.fields, pickled.class_name, raw)
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MessageRefused("the message is neither a pickle nor UTF-8 text") from error
    return Envelope(_unwrapped(text), None, raw)


def _unwrapped(content: object) -> dict[str, Any]:
    """Return the object inside of JSON text and of hop's old envelope."""
    for _ in range(_MOST_LAYERS):
        if isinstance(content, str):
            content = loads(content)
        elif isinstance(content, dict) and content.keys() == {"format", "content"}:
            content = content["content"]
        else:
            break
    if not isinstance(content, dict):
        raise MessageRefused(f"the message is a JSON {_JSON_NAMES[type(content)]}, not an object")
    return content


_JSON_NAMES = {list: "list", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
