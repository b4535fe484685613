"""Pickles written opcode by opcode."""

import pickle
import struct
from typing import Any

from snews_cs.messages.unpickle import unpickle

START = pickle.PROTO + b"\x04"


def text(content: str) -> bytes:
    encoded = content.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + pickle.STACK_GLOBAL


MODEL = named("snews.models.messages", "HeartbeatMessage") + pickle.EMPTY_TUPLE + pickle.NEWOBJ
GETATTR = named("builtins", "getattr")
DTYPE = named("numpy", "dtype")
SCALAR = named("numpy._core.multiarray", "scalar")


def model_with(value: bytes) -> bytes:
    """Return the pickle of a message whose field ``meta`` is what these opcodes leave."""
    fields = pickle.EMPTY_DICT + text("meta") + value + pickle.SETITEM
    return START + MODEL + pickle.EMPTY_DICT + text("__dict__") + fields + pickle.SETITEM + pickle.BUILD + pickle.STOP


def meta_of(value: bytes) -> Any:
    return unpickle(model_with(value)).fields["meta"]
