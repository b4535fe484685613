"""How large and how deep a message may be, and how what is wrong in one is quoted in a reason."""

import re
import reprlib

MAX_BYTES = 1_048_576
"""Largest value of a Kafka record that is looked into (1 MiB, Kafka's own default limit)."""

MAX_KEPT_BYTES = 8 * MAX_BYTES
"""Most that is kept of a record: no store takes entries of any size (MongoDB: 16 MB)."""

MAX_DEPTH = 32
"""Deepest nesting of objects and lists; the released clients reach four."""

MAX_PARTS = 20_000
"""Most objects and lists in one message; the released clients send fewer than ten."""

MAX_REASON_CHARACTERS = 300
"""Longest reason that is recorded."""

INT64 = range(-(2**63), 2**63)
"""Integers that every store can hold; others are refused."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_quoting = reprlib.Repr()
_quoting.maxstring = _quoting.maxother = 60
_quoting.maxlevel = 2
_quoting.maxlist = _quoting.maxdict = 3


def quote(value: object) -> str:
    """Return a value of a message as one short line, fit for a reason."""
    return _quoting.repr(value)


def shorten(text: str) -> str:
    """Return a reason cut to :data:`MAX_REASON_CHARACTERS`."""
    return text if len(text) <= MAX_REASON_CHARACTERS else text[: MAX_REASON_CHARACTERS - 1] + "…"


def storable(text: str) -> str:
    """Return a text that encodes to UTF-8: U+FFFD stands for each lone surrogate (JSON's escapes can make them)."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
