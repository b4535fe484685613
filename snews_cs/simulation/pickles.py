"""Writes the pickles that snews_pt 2.0 to 3.0 sends, without its classes.

What pickle protocol 4 makes of a pydantic model is simple: the class by name, then the state that its
``__setstate__`` takes. Opcodes that only save space (frames, the memo) are left out.
"""

import pickle
import struct
from collections.abc import Mapping

_MODULE = "snews.models.messages"


def model_pickle(class_name: str, fields: Mapping[str, object]) -> bytes:
    """Return the pickle of a message model.

    Parameters
    ----------
    class_name
        Its class, such as ``CoincidenceTierMessage``.
    fields
        Its fields and their values, in order: None, booleans, integers of 32 bits, floats or texts. ``tier`` is
        written as the member of snews_pt's enumeration that it names.
    """
    members = {name: _tier(value) if name == "tier" else _value(value) for name, value in fields.items()}
    state = {
        "__dict__": _dict(members),
        "__pydantic_extra__": pickle.NONE,
        "__pydantic_fields_set__": pickle.EMPTY_SET + pickle.MARK + b"".join(map(_value, members)) + pickle.ADDITEMS,
        "__pydantic_private__": pickle.NONE,
    }
    model = _global(class_name) + pickle.EMPTY_TUPLE + pickle.NEWOBJ
    return pickle.PROTO + b"\x04" + model + _dict(state) + pickle.BUILD + pickle.STOP


def _global(name: str) -> bytes:
    return _value(_MODULE) + _value(name) + pickle.STACK_GLOBAL


def _tier(value: object) -> bytes:
    return _global("Tier") + _value(value) + pickle.TUPLE1 + pickle.REDUCE


def _dict(members: Mapping[str, bytes]) -> bytes:
    items = b"".join(_value(name) + value for name, value in members.items())
    return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS


def _value(value: object) -> bytes:
    match value:
        case None:
            return pickle.NONE
        case bool():
            return pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            return pickle.BININT + struct.pack("<i", value)
        case float():
            return pickle.BINFLOAT + struct.pack(">d", value)
        case str():
            text = value.encode()
            return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
        case _:
            raise TypeError(f"no message holds a {type(value).__name__}")
