"""Pickles that no client sends are refused at once, and do nothing."""

import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import MAX_BYTES, MAX_DEPTH, MAX_PARTS
from snews_cs.messages.unpickle import unpickle
from tests.messages.opcodes import DTYPE, GETATTR, MODEL, SCALAR, START, meta_of, model_with, named, text
from tests.support.pickles import pickled


class Command:
    """What an attacker pickles: unpickling it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_command_does_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "it-ran"
    with pytest.raises(MessageRefused):
        unpickle(pickle.dumps(Command(f"touch {trace}"), protocol=protocol))
    assert not trace.exists()


def test_a_command_inside_a_message_does_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    with pytest.raises(MessageRefused, match="the pickle names 'system' of 'posix', which is not allowed"):
        unpickle(pickled("HeartbeatMessage", id="x", meta=Command(f"touch {trace}")))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "set"),
        ("os", "system"),
        ("snews.models.messages", "os"),
        ("snews.models.messages", "Tier.__class__"),
        ("snews.models.messages", "CoincidenceTierMessage.__init__"),
        ("snews.models", "messages.Tier"),
        ("snews_cs.messages.unpickle", "unpickle"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("", ""),
    ],
)
def test_names_that_are_not_listed(module: str, name: str) -> None:
    with pytest.raises(MessageRefused, match="which is not allowed"):
        meta_of(named(module, name))


@pytest.mark.parametrize(
    "opcode",
    [
        pickle.GLOBAL + b"os\nsystem\n",
        pickle.INST + b"os\nsystem\n",
        pickle.OBJ,
        pickle.NEWOBJ_EX,
        pickle.PERSID + b"secret\n",
        pickle.BINPERSID,
        pickle.EXT1 + b"\x01",
        pickle.EXT2 + b"\x01\x00",
        pickle.EXT4 + b"\x01\x00\x00\x00",
        pickle.LONG4 + b"\xff\xff\xff\x7f",
        pickle.LONG + b"1" * 100_000 + b"L\n",
        pickle.INT + b"1" * 100_000 + b"\n",
        pickle.FLOAT + b"1e5\n",
        pickle.STRING + b"'\\q'\n",
        pickle.UNICODE + b"\\ud800\n",
        pickle.BINUNICODE8 + b"\xff" * 8,
        pickle.BINBYTES8 + b"\xff" * 8,
        pickle.BYTEARRAY8 + b"\xff" * 8,
        pickle.NEXT_BUFFER,
        pickle.READONLY_BUFFER,
        pickle.PUT + b"99999999\n",
        pickle.LONG_BINPUT + b"\xff\xff\xff\x7f",
        pickle.BINPUT + b"\x00",
        pickle.GET + b"0\n",
        pickle.DICT,
        pickle.LIST,
        pickle.FROZENSET,
        pickle.DUP,
        pickle.POP,
        pickle.POP_MARK,
        b"\xff",
    ],
)
def test_opcodes_that_no_client_uses(opcode: bytes) -> None:
    with pytest.raises(MessageRefused, match=r"the pickle uses the opcode \S+, which no message of snews_pt does"):
        meta_of(opcode)


@pytest.mark.parametrize(
    ("opcodes", "reason"),
    [
        (pickle.BINUNICODE + b"\xff\xff\xff\xff", "truncated or malformed"),
        (pickle.BINBYTES + b"\xff\xff\xff\xff", "truncated or malformed"),
        (pickle.SHORT_BINUNICODE + b"\xffabc", "truncated or malformed"),
        (pickle.SHORT_BINUNICODE + b"\x02\xff\xff", "truncated or malformed"),
        (pickle.LONG1 + b"\xff\x01", "truncated or malformed"),
        (pickle.BINFLOAT + b"\x00", "truncated or malformed"),
        (pickle.FRAME + b"\xff" * 8, "frame is longer than the message"),
        (pickle.PROTO + b"\x02", "protocol 2"),
        (pickle.LONG1 + b"\xff" + b"\x7f" * 255, "does not fit into 64 bits"),
        (pickle.LONG1 + b"\x09" + bytes(8) + b"\x01", "does not fit into 64 bits"),
        (pickle.SHORT_BINBYTES + b"\x01x", "something else than plain values"),
        (pickle.EMPTY_SET, "something else than plain values"),
        (MODEL, "something else than plain values"),
        (named("numpy", "dtype"), "something else than plain values"),
        (pickle.BINGET + b"\x00", "truncated or malformed"),
        (pickle.LONG_BINGET + b"\xff\xff\xff\xff", "truncated or malformed"),
        (pickle.NONE + pickle.APPEND, "appends to something else than a list"),
        (pickle.EMPTY_LIST + pickle.MARK + pickle.NONE + pickle.SETITEMS, "sets items of something else than a dict"),
        (pickle.EMPTY_DICT + pickle.MARK + pickle.NONE + pickle.SETITEMS, "truncated or malformed"),
        (pickle.EMPTY_DICT + pickle.NONE + pickle.NONE + pickle.SETITEM, "a dict with a NoneType for a key"),
        (pickle.EMPTY_DICT + pickle.EMPTY_LIST + pickle.NONE + pickle.SETITEM, "a dict with a list for a key"),
        (pickle.EMPTY_LIST + pickle.MARK + pickle.NONE + pickle.ADDITEMS, "adds to something else than a set"),
        (pickle.MARK + pickle.NONE, "truncated or malformed"),
        (pickle.APPENDS, "truncated or malformed"),
        (pickle.MARK + pickle.MEMOIZE, "truncated or malformed"),
        (pickle.MARK + pickle.TUPLE1, "truncated or malformed"),
        (pickle.NONE + pickle.NONE + pickle.STACK_GLOBAL, "names a NoneType of a NoneType"),
        (pickle.NONE + pickle.NONE + pickle.REDUCE, "calls a NoneType"),
        (named("snews.models.messages", "Tier") + pickle.NONE + pickle.REDUCE, "calls Tier"),
        (named("snews.models.messages", "Tier") + pickle.NONE + pickle.TUPLE1 + pickle.REDUCE, "calls Tier"),
        (named("snews.models.messages", "HeartbeatMessage") + pickle.EMPTY_TUPLE + pickle.REDUCE, "calls Heartbeat"),
        (named("snews.models.messages", "Tier") + pickle.EMPTY_TUPLE + pickle.NEWOBJ, "makes Tier"),
        (named("snews.models.messages", "HeartbeatMessage") + text("x") + pickle.TUPLE1 + pickle.NEWOBJ, "makes Heart"),
        (text("x") + pickle.EMPTY_DICT + pickle.BUILD, "sets the state of 'x'"),
        (MODEL + pickle.NONE + pickle.BUILD, "sets the state of a Model"),
        (MODEL + 2 * (pickle.EMPTY_DICT + pickle.BUILD), "sets the state of a Model"),
        (named("snews.models.messages", "Tier") + pickle.EMPTY_DICT + pickle.BUILD, "sets the state of Tier"),
        (pickle.EMPTY_LIST + pickle.EMPTY_DICT + pickle.BUILD, "sets the state of a list"),
        (GETATTR, "something else than plain values"),
        (GETATTR + named("snews.models.messages", "Tier") + text("__class__") + pickle.TUPLE2 + b"R", "calls getattr"),
        (GETATTR + named("snews.models.messages", "Tier") + text("mro") + pickle.TUPLE2 + b"R", "calls getattr"),
        (GETATTR + MODEL + text("X") + pickle.TUPLE2 + pickle.REDUCE, "calls getattr"),
        (GETATTR + GETATTR + text("X") + pickle.TUPLE2 + pickle.REDUCE, "calls getattr"),
        (GETATTR + text("x") + text("X") + pickle.TUPLE2 + pickle.REDUCE, "calls getattr"),
        (DTYPE + text("O8") + pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3 + pickle.REDUCE, "calls numpy.dtype"),
        (DTYPE + text("U9999999") + pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3 + pickle.REDUCE, "calls numpy"),
        (SCALAR + text("i8") + pickle.SHORT_BINBYTES + b"\x00" + pickle.TUPLE2 + pickle.REDUCE, "calls numpy scalar"),
    ],
)
def test_hostile_opcodes(opcodes: bytes, reason: str) -> None:
    with pytest.raises(MessageRefused, match=reason):
        meta_of(opcodes)


@pytest.mark.parametrize("code", ["i8", "U1", "f4", "b1", "U999999"])
def test_a_numpy_scalar_of_the_wrong_length(code: str) -> None:
    dtype = DTYPE + text(code) + pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3 + pickle.REDUCE
    scalar = SCALAR + dtype + pickle.SHORT_BINBYTES + b"\x03abc" + pickle.TUPLE2 + pickle.REDUCE
    with pytest.raises(MessageRefused, match=f"a numpy {code} of 3 bytes"):
        meta_of(scalar)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        START,
        START + pickle.STOP,
        START + pickle.NONE + pickle.STOP,
        pickle.dumps({"detector_name": "LVD"}, protocol=4),
        pickle.dumps([1, 2, 3], protocol=4),
        START + MODEL + pickle.STOP,
        START + MODEL + pickle.EMPTY_DICT + pickle.BUILD + pickle.STOP,
        START + MODEL + pickle.EMPTY_DICT + text("__dict__") + pickle.NONE + pickle.SETITEM + pickle.BUILD + b".",
        START + MODEL + MODEL + pickle.STOP,
        START + MODEL + pickle.MARK + pickle.STOP,
        START + pickle.MARK + MODEL + pickle.STOP,
    ],
)
def test_what_is_no_message(content: bytes) -> None:
    with pytest.raises(MessageRefused):
        unpickle(content)


def refusal_of(content: bytes) -> tuple[str, int]:
    """Return why a pickle is refused, and how many bytes of memory that took at most."""
    tracemalloc.start()
    try:
        with pytest.raises(MessageRefused) as refused:
            unpickle(content)
        return str(refused.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_memo_bomb() -> None:
    """Each list holds the one before ten times: 10**40 items, if anything walks it."""
    levels = b"".join(
        pickle.EMPTY_LIST + pickle.MEMOIZE + pickle.MARK + 10 * (pickle.BINGET + bytes([level])) + pickle.APPENDS
        for level in range(40)
    )
    content = model_with(pickle.EMPTY_LIST + pickle.MEMOIZE + levels)
    assert "refers twice to a list" in refusal_of(content)[0]


def test_a_cycle() -> None:
    with pytest.raises(MessageRefused, match="refers twice to a list"):
        meta_of(pickle.EMPTY_LIST + pickle.MEMOIZE + pickle.BINGET + b"\x00" + pickle.APPEND)


def test_a_text_repeated_without_end() -> None:
    """The list would be small in memory; written out as JSON it would be 30 GB."""
    long_text = text("x" * 300_000) + pickle.MEMOIZE
    content = model_with(pickle.EMPTY_LIST + pickle.MARK + long_text + 100_000 * b"h\x00" + pickle.APPENDS)
    reason, peak_bytes = refusal_of(content)
    assert "repeats itself" in reason
    assert peak_bytes < 20 * MAX_BYTES


def test_bytes_are_not_decoded_again_and_again() -> None:
    dtype = DTYPE + text("U1000") + pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3 + pickle.REDUCE + pickle.MEMOIZE
    content = pickle.BINBYTES + struct.pack("<I", 4_000) + b"a\0\0\0" * 1_000 + pickle.MEMOIZE
    again = SCALAR + b"h\x00" + b"h\x01" + pickle.TUPLE2 + pickle.REDUCE
    with pytest.raises(MessageRefused, match="refers twice to a bytes"):
        meta_of(pickle.MARK + dtype + content + 1_000 * again + pickle.TUPLE)


@pytest.mark.parametrize(
    "deep",
    [
        pickle.EMPTY_LIST * 19_000 + pickle.APPEND * 18_999,
        pickle.NONE + pickle.TUPLE1 * 19_000,
        pickle.MARK * 19_000 + pickle.TUPLE * 19_000,
        (pickle.EMPTY_DICT + text("a")) * 19_000 + pickle.NONE + pickle.SETITEM * 19_000,
        (MODEL + pickle.EMPTY_DICT + text("a")) * 2_000 + pickle.NONE + (pickle.SETITEM + pickle.BUILD) * 2_000,
    ],
    ids=["lists", "tuples", "marks", "dicts", "models"],
)
def test_deep_recursion(deep: bytes) -> None:
    reason, peak_bytes = refusal_of(model_with(deep))
    assert "nests deeper" in reason or "something else" in reason
    assert peak_bytes < 60 * MAX_BYTES


@pytest.mark.parametrize(
    "many",
    [
        pickle.EMPTY_LIST * 90_000 + pickle.APPEND * 89_999,
        pickle.NONE + pickle.TUPLE1 * 150_000,
        pickle.MARK * 90_000 + pickle.TUPLE * 90_000,
        (pickle.EMPTY_DICT + text("a")) * 25_000 + pickle.NONE + pickle.SETITEM * 25_000,
        pickle.EMPTY_LIST + pickle.MARK + pickle.EMPTY_LIST * 90_000 + pickle.APPENDS,
    ],
    ids=["lists", "tuples", "marks", "dicts", "side by side"],
)
def test_many_parts(many: bytes) -> None:
    reason, peak_bytes = refusal_of(model_with(many))
    assert reason == f"the pickle has more than {MAX_PARTS} lists, dicts and tuples"
    assert peak_bytes < 10 * MAX_BYTES


def test_the_deepest_nesting_allowed() -> None:
    def lists(depth: int) -> bytes:
        return pickle.EMPTY_LIST * depth + pickle.APPEND * (depth - 1)

    assert meta_of(lists(MAX_DEPTH - 1)) is not None
    with pytest.raises(MessageRefused, match="nests deeper"):
        meta_of(lists(MAX_DEPTH))


def test_too_many_opcodes() -> None:
    reason, peak_bytes = refusal_of(model_with(pickle.MARK + pickle.NONE * 1_000_000 + pickle.TUPLE))
    assert "more than 200000 opcodes" in reason
    assert peak_bytes < 10 * MAX_BYTES
