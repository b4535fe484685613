"""What stands for the things that a pickle of snews_pt mentions: inert values, which can only be compared.

No other names may be mentioned than those of :data:`NAMES`.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import quote, storable


class Kind(Enum):
    """What a name that a pickle mentions stands for."""

    MODEL = auto()
    ENUM = auto()
    GETATTR = auto()
    DTYPE = auto()
    SCALAR = auto()


@dataclass(frozen=True, slots=True)
class Name:
    """Stands for a class or function of the client; it can only be compared."""

    kind: Kind
    name: str


@dataclass(slots=True, eq=False)
class Model:
    """Stands for an instance of a message class; ``state`` is what its ``__setstate__`` would have got."""

    class_name: str
    state: dict[str, Any] | None = None


@dataclass(slots=True, eq=False)
class Dtype:
    """Stands for a ``numpy.dtype``, such as ``U30`` or ``i8``: a kind, and a size."""

    code: str
    byte_order: str | None = None


class DiscardedSet:
    """Stands for any set: pydantic's names of the fields that were given, which nobody needs."""


NAMES: Mapping[tuple[str, str], Name] = {
    ("snews.models.messages", "Tier"): Name(Kind.ENUM, "Tier"),
    ("snews.models.detectors", "DetectionChannel"): Name(Kind.ENUM, "DetectionChannel"),
    ("builtins", "getattr"): Name(Kind.GETATTR, "getattr"),  # how Python 3.11.0 to 3.11.3 pickles enumerations
    ("numpy", "dtype"): Name(Kind.DTYPE, "numpy.dtype"),
    ("numpy.core.multiarray", "scalar"): Name(Kind.SCALAR, "numpy scalar"),
    ("numpy._core.multiarray", "scalar"): Name(Kind.SCALAR, "numpy scalar"),
} | {
    ("snews.models.messages", f"{tier}Message"): Name(Kind.MODEL, f"{tier}Message")
    for tier in ("Heartbeat", "Retraction", "CoincidenceTier", "SignificanceTier", "TimingTier")
}
"""What a pickle may mention, by module and name."""

_FLOAT_FORMATS = {"f2": "e", "f4": "f", "f8": "d"}


def describe(value: object) -> str:
    """Return what a reason calls a value; never its parts, of which there may be too many."""
    if isinstance(value, Name):
        return value.name
    return quote(value) if isinstance(value, str) else f"a {type(value).__name__}"


def scalar(dtype: Dtype, content: bytes) -> str | float | bool:
    """Return the value of a numpy scalar from its bytes.

    Raises
    ------
    MessageRefused
        If there are not as many as the type says.
    """
    kind, size = dtype.code[0], int(dtype.code[1:])
    big_endian = dtype.byte_order == ">"
    if len(content) != (4 * size if kind == "U" else size):
        raise MessageRefused(f"the pickle holds a numpy {dtype.code} of {len(content)} bytes")
    match kind:
        case "U":
            text = content.decode("utf-32-be" if big_endian else "utf-32-le", "replace")
            return storable(text.rstrip("\0"))
        case "f":
            number: float = struct.unpack((">" if big_endian else "<") + _FLOAT_FORMATS[dtype.code], content)[0]
            return number
        case "b":
            return content != b"\0"
        case _:
            return int.from_bytes(content, "big" if big_endian else "little", signed=kind == "i")
