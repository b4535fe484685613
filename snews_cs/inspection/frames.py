"""Records as pandas DataFrames, a part at a time: what they become on their way to a table.

A column's dtype follows from the type of its field: ``int64``, ``float64``, ``bool`` and ``string``, or ``Int64`` and
``boolean`` where it may be null. Bytes and lists of numbers or texts are objects; whatever is nested deeper is JSON
text.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pandas as pd

from snews_cs.storage.codec import json_text
from snews_cs.storage.tables import Row

MOST_ROWS = 10_000
"""Most rows of one part."""

MOST_BYTES = 2**23
"""About how many bytes of text, bytes and numbers in lists one part holds before the next is begun."""

_DTYPES = {int: ("int64", "Int64"), float: ("float64", "float64"), bool: ("bool", "boolean"), str: ("string", "string")}


class Column(NamedTuple):
    """A column of a table.

    ``type`` is what its cells hold when not null: int, float, bool, str or bytes; a list of such if ``is_list``.
    """

    name: str
    type: type
    dtype: str
    is_list: bool
    is_json: bool


def columns(record: type[Row]) -> tuple[Column, ...]:
    """Return the columns of the tables that records of a type make."""
    hints = get_type_hints(record)
    return tuple(_column(field.name, hints[field.name]) for field in fields(record))


def frames(records: Iterable[Row], record: type[Row]) -> Iterator[pd.DataFrame]:
    """Yield records as frames, of at most :data:`MOST_ROWS` rows and about :data:`MOST_BYTES` each; no empty one."""
    readers = [_reader(column) for column in columns(record)]
    rows: list[list[Any]] = []
    size = 0
    for each in records:
        cells = [read(each) for read in readers]
        rows.append(cells)
        size += sum(map(_size, cells))
        if len(rows) == MOST_ROWS or size >= MOST_BYTES:
            yield frame(record, rows)
            rows, size = [], 0
    if rows:
        yield frame(record, rows)


def frame(record: type[Row], rows: list[list[Any]]) -> pd.DataFrame:
    """Return a frame of rows of cells, in the order of :func:`columns`."""
    cells = zip(*rows, strict=True) if rows else ([] for _ in columns(record))
    return pd.DataFrame(
        {
            column.name: pd.Series(list(values), dtype=column.dtype)
            for column, values in zip(columns(record), cells, strict=True)
        }
    )


def _column(name: str, hint: Any) -> Column:
    """Return the column of a field; what is none of the plain types, nor a list of one, is JSON text."""
    types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    given = [each for each in types if each is not NoneType]
    if given == [bytes]:
        return Column(name, bytes, "object", is_list=False, is_json=False)
    if len(given) == 1 and given[0] in _DTYPES:
        return Column(name, given[0], _DTYPES[given[0]][NoneType in types], is_list=False, is_json=False)
    if len(given) == 1 and get_origin(given[0]) is list and get_args(given[0])[0] in _DTYPES:
        return Column(name, get_args(given[0])[0], "object", is_list=True, is_json=False)
    return Column(name, str, "string", is_list=False, is_json=True)


def _reader(column: Column) -> Callable[[Row], Any]:
    """Return what reads a column's cell from a record."""

    def read(record: Row) -> Any:
        return getattr(record, column.name)

    def read_json(record: Row) -> str | None:
        value = getattr(record, column.name)
        return None if value is None else json_text(value)

    return read_json if column.is_json else read


def _size(cell: Any) -> int:
    if isinstance(cell, str | bytes):
        return len(cell)
    return sum(map(_size, cell)) if isinstance(cell, list) else 8
