"""Evaluates the opcodes of one pickled message, on inert stand-ins.

Only the opcodes are known that pickle protocols 4 and 5 use for a pydantic model of plain values. No class is looked
up, nothing is imported, no method of an outside object is called: a whitelist twice over, of opcodes and of the names
that a pickle may mention. An opcode is looked up before its argument is read, so what is not listed is not parsed.

Everything is bounded. An argument is a slice of the input; the number of opcodes is limited; the memo gives back only
values without parts, so that lists and dicts form a tree and no cycle; and the texts it gives back may not exceed the
largest message, so that writing the tree out takes no more than that (no memo bomb).
"""

import io
import pickle
import pickletools
import re
from collections.abc import Callable
from typing import IO, Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import MAX_BYTES, MAX_PARTS, storable
from snews_cs.messages.pickle_standins import NAMES, DiscardedSet, Dtype, Kind, Model, Name, describe, scalar

MAX_OPCODES = 200_000
"""Most opcodes that are evaluated; a list of n small integers takes about n."""

_MEMBER = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
_DTYPE_CODE = re.compile(r"U[0-9]{1,6}|[iu][1248]|f[248]|b1")
_WITHOUT_PARTS = (int, float, Name, Dtype, type(None))  # and str, whose length counts


def evaluate(data: bytes) -> object:
    """Return what a pickle holds: a :class:`Model` if it is a message of snews_pt.

    Raises
    ------
    MessageRefused
        If the pickle is malformed or too large, or uses an opcode or a name that no message of snews_pt does.
    """
    machine = _Machine(data)
    try:
        machine.run()
    except (ValueError, IndexError) as error:
        raise MessageRefused("the pickle is truncated or malformed") from error
    if machine.below or len(machine.stack) != 1:
        raise MessageRefused("the pickle is malformed: it ends in the middle of a value")
    return machine.stack[0]


class _Machine:
    """The state of an evaluation: the items since the last mark, those below each mark, and the memo."""

    def __init__(self, data: bytes) -> None:
        self.stream = io.BytesIO(data)
        self.size = len(data)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: list[Any] = []
        self.recallable = MAX_BYTES
        self.parts = 0

    def run(self) -> None:
        """Evaluate opcodes up to STOP."""
        read, opcodes = self.stream.read, _OPCODES
        for _ in range(MAX_OPCODES):
            code = read(1)
            if code == pickle.STOP:
                return
            known = opcodes.get(code)
            if known is None:
                raise _unknown(code)
            read_argument, execute = known
            execute(self, read_argument(self.stream) if read_argument else None)
        raise MessageRefused(f"the pickle has more than {MAX_OPCODES} opcodes")

    def since_mark(self) -> list[Any]:
        """Return the items since the last mark, and go on with those below it."""
        items = self.stack
        self.stack = self.below.pop()
        return items

    def count_part(self) -> None:
        """Count a list, a dict, a tuple, or a mark, of which one of these is made."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise MessageRefused(f"the pickle has more than {MAX_PARTS} lists, dicts and tuples")

    def last(self, count: int) -> list[Any]:
        """Remove and return the last items, in order."""
        return [self.stack.pop() for _ in range(count)][::-1]


def _unknown(code: bytes) -> MessageRefused:
    if not code:
        return MessageRefused("the pickle is truncated")
    name = next((opcode.name for opcode in pickletools.opcodes if opcode.code.encode("latin-1") == code), repr(code))
    return MessageRefused(f"the pickle uses the opcode {name}, which no message of snews_pt does")


def _protocol(_: _Machine, version: int) -> None:
    if version not in (4, 5):
        raise MessageRefused(f"snews_pt does not write pickles of protocol {version}")


def _frame(machine: _Machine, length: int) -> None:
    if length > machine.size - machine.stream.tell():
        raise MessageRefused("the pickle is truncated: a frame is longer than the message")


def _push(machine: _Machine, value: object) -> None:
    machine.stack.append(value)


def _push_text(machine: _Machine, text: str) -> None:
    machine.stack.append(storable(text))


def _constant(value: object) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(value)


def _make(value: Callable[[_Machine], Any]) -> Callable[[_Machine, Any], None]:
    """Return what pushes a new list, dict or tuple."""

    def execute(machine: _Machine, _: None) -> None:
        machine.count_part()
        machine.stack.append(value(machine))

    return execute


def _mark(machine: _Machine, _: None) -> None:
    machine.count_part()
    machine.below.append(machine.stack)
    machine.stack = []


def _memoize(machine: _Machine, _: None) -> None:
    machine.memo.append(machine.stack[-1])


def _recall(machine: _Machine, index: int) -> None:
    value = machine.memo[index]
    if isinstance(value, str):
        machine.recallable -= len(value)
        if machine.recallable < 0:
            raise MessageRefused("the pickle repeats itself beyond the largest message allowed")
    elif not isinstance(value, _WITHOUT_PARTS):
        raise MessageRefused(f"the pickle refers twice to {describe(value)}")
    machine.stack.append(value)


def _extend(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise MessageRefused("the pickle appends to something else than a list")
    target.extend(items)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target, names, values = machine.stack[-1], items[::2], items[1::2]
    if not isinstance(target, dict):
        raise MessageRefused("the pickle sets items of something else than a dict")
    for name, value in zip(names, values, strict=True):
        if not isinstance(name, str):
            raise MessageRefused(f"the pickle holds a dict with {describe(name)} for a key")
        target[name] = value


def _add_items(machine: _Machine, _: None) -> None:
    machine.since_mark()
    if not isinstance(machine.stack[-1], DiscardedSet):
        raise MessageRefused("the pickle adds to something else than a set")


def _global(machine: _Machine, _: None) -> None:
    module, name = machine.last(2)
    if not (isinstance(module, str) and isinstance(name, str) and (module, name) in NAMES):
        raise MessageRefused(f"the pickle names {describe(name)} of {describe(module)}, which is not allowed")
    machine.stack.append(NAMES[module, name])


def _new_object(machine: _Machine, _: None) -> None:
    match machine.last(2):
        case [Name(Kind.MODEL, class_name), ()]:
            machine.stack.append(Model(class_name))
        case [cls, _]:
            raise MessageRefused(f"the pickle makes {describe(cls)} in a way that snews_pt does not")


def _reduce(machine: _Machine, _: None) -> None:
    match machine.last(2):
        case [Name(Kind.ENUM), (str(value),)]:
            machine.stack.append(value)
        case [Name(Kind.GETATTR), (Name(Kind.ENUM), str(member))] if _MEMBER.fullmatch(member):
            machine.stack.append(member)
        case [Name(Kind.DTYPE), (str(code), False, True)] if _DTYPE_CODE.fullmatch(code):
            machine.stack.append(Dtype(code))
        case [Name(Kind.SCALAR), (Dtype() as dtype, bytes(content))]:
            machine.stack.append(scalar(dtype, content))
        case [function, _]:
            raise MessageRefused(f"the pickle calls {describe(function)} in a way that snews_pt does not")


def _build(machine: _Machine, _: None) -> None:
    state = machine.stack.pop()
    match machine.stack[-1], state:
        case Model(state=None) as model, dict():
            model.state = state
        case Dtype(byte_order=None) as dtype, (3, "<" | ">" | "|" as order, None, None, None, int(), int(), int()):
            dtype.byte_order = order
        case target, _:
            raise MessageRefused(f"the pickle sets the state of {describe(target)} in a way that snews_pt does not")


_OPCODES: dict[bytes, tuple[Callable[[IO[bytes]], Any] | None, Callable[[_Machine, Any], None]]] = {
    pickle.PROTO: (pickletools.read_uint1, _protocol),
    pickle.FRAME: (pickletools.read_uint8, _frame),
    pickle.NONE: (None, _constant(None)),
    pickle.NEWTRUE: (None, _constant(True)),
    pickle.NEWFALSE: (None, _constant(False)),
    pickle.BININT: (pickletools.read_int4, _push),
    pickle.BININT1: (pickletools.read_uint1, _push),
    pickle.BININT2: (pickletools.read_uint2, _push),
    pickle.LONG1: (pickletools.read_long1, _push),
    pickle.BINFLOAT: (pickletools.read_float8, _push),
    pickle.SHORT_BINUNICODE: (pickletools.read_unicodestring1, _push_text),
    pickle.BINUNICODE: (pickletools.read_unicodestring4, _push_text),
    pickle.SHORT_BINBYTES: (pickletools.read_bytes1, _push),
    pickle.BINBYTES: (pickletools.read_bytes4, _push),
    pickle.MARK: (None, _mark),
    pickle.MEMOIZE: (None, _memoize),
    pickle.BINGET: (pickletools.read_uint1, _recall),
    pickle.LONG_BINGET: (pickletools.read_uint4, _recall),
    pickle.EMPTY_TUPLE: (None, _constant(())),
    pickle.TUPLE1: (None, _make(lambda machine: tuple(machine.last(1)))),
    pickle.TUPLE2: (None, _make(lambda machine: tuple(machine.last(2)))),
    pickle.TUPLE3: (None, _make(lambda machine: tuple(machine.last(3)))),
    pickle.TUPLE: (None, lambda machine, _: _push(machine, tuple(machine.since_mark()))),
    pickle.EMPTY_LIST: (None, _make(lambda _: [])),
    pickle.APPEND: (None, lambda machine, _: _extend(machine, machine.last(1))),
    pickle.APPENDS: (None, lambda machine, _: _extend(machine, machine.since_mark())),
    pickle.EMPTY_DICT: (None, _make(lambda _: {})),
    pickle.SETITEM: (None, lambda machine, _: _set_items(machine, machine.last(2))),
    pickle.SETITEMS: (None, lambda machine, _: _set_items(machine, machine.since_mark())),
    pickle.EMPTY_SET: (None, lambda machine, _: machine.stack.append(DiscardedSet())),
    pickle.ADDITEMS: (None, _add_items),
    pickle.STACK_GLOBAL: (None, _global),
    pickle.NEWOBJ: (None, _new_object),
    pickle.REDUCE: (None, _reduce),
    pickle.BUILD: (None, _build),
}
"""Each opcode that may be used: how its argument is read, and what it does."""
