"""Reads the pickles of snews_pt 2.0 to 3.0 without unpickling them.

A pickle is a program, and Python's unpickler runs it. :mod:`snews_cs.messages.pickle_machine` evaluates the few
opcodes that such a message needs on inert stand-ins; what is left at the end is turned into plain values here, and
validated afterwards like any other message (unpickling would have skipped the client's own validation).
"""

import math
from dataclasses import dataclass
from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import INT64, MAX_DEPTH
from snews_cs.messages.pickle_machine import evaluate
from snews_cs.messages.pickle_standins import Model


@dataclass(frozen=True, slots=True)
class PickledModel:
    """A pydantic model as it was pickled: the name of its class and its fields, nested plain values as in JSON."""

    class_name: str
    fields: dict[str, Any]


def unpickle(data: bytes) -> PickledModel:
    """Return the message that a pickle of snews_pt holds.

    Parameters
    ----------
    data
        The pickle, of a size that the caller has bounded.

    Raises
    ------
    MessageRefused
        If it is malformed, too large or too deep, uses an opcode or names a class that snews_pt does not, or holds
        something else than one message of plain values.
    """
    match evaluate(data):
        case Model(class_name, {"__dict__": dict(fields), **state}):
            extra = state.get("__pydantic_extra__")
            named = {**extra, **fields} if isinstance(extra, dict) else fields
            return PickledModel(class_name, {name: _plain(value, depth=1) for name, value in named.items()})
        case _:
            raise MessageRefused("the pickle holds something else than one SNEWS message")


def _plain(value: object, depth: int) -> Any:
    """Return a value as JSON would give it, at most :data:`MAX_DEPTH` deep."""
    if value is None or value is True or value is False or isinstance(value, str):
        return value
    if isinstance(value, int):
        if value not in INT64:
            raise MessageRefused("the pickle holds an integer that does not fit into 64 bits")
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth == MAX_DEPTH:
        raise MessageRefused(f"the pickle nests deeper than {MAX_DEPTH} levels")
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item, depth + 1) for name, item in value.items()}
    raise MessageRefused("the pickle holds something else than plain values in a field")
