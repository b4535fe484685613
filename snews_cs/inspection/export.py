"""Writes records to files: JSON lines, CSV, Parquet. A part at a time, so that any number of them fits into memory."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from snews_cs.errors import ExportFailed, SettingsError
from snews_cs.storage.codec import json_text
from snews_cs.storage.tables import Row


def write_json_lines(records: Iterable[Row], record: type[Row], stream: IO[bytes]) -> None:  # noqa: ARG001
    """Write records as JSON objects, one a line; bytes become base64 (URL-safe alphabet)."""
    for each in records:
        stream.write(f"{json_text(each)}\n".encode())


def write_csv(records: Iterable[Row], record: type[Row], stream: IO[bytes]) -> None:
    """Write records as CSV (UTF-8), columns' names first: null is an empty cell, a list is JSON, bytes are base64."""
    from snews_cs.inspection.frames import columns, frame, frames

    as_text: dict[str, Callable[[Any], str]] = {
        **{column.name: json_text for column in columns(record) if column.is_list},
        **{column.name: _base64 for column in columns(record) if column.type is bytes},
    }
    stream.write(frame(record, []).to_csv(index=False, lineterminator="\n").encode())
    for part in frames(records, record):
        for name, to_text in as_text.items():
            part[name] = part[name].map(to_text, na_action="ignore")
        stream.write(part.to_csv(index=False, header=False, lineterminator="\n").encode())


def write_parquet(records: Iterable[Row], record: type[Row], stream: IO[bytes]) -> None:
    """Write records as Parquet: numbers, marks and lists keep their types, so that pandas reads what was written.

    Raises
    ------
    SettingsError
        If pyarrow is not there.
    """
    from snews_cs.inspection.frames import columns, frame, frames

    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise SettingsError("Parquet needs pyarrow, which is not installed: pip install 'snews_cs[parquet]'") from error
    plain = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string(), bytes: pa.binary()}
    schema = pa.schema(
        [
            (column.name, pa.list_(plain[column.type]) if column.is_list else plain[column.type])
            for column in columns(record)
        ]
    )
    empty = pa.Table.from_pandas(frame(record, []), schema=schema, preserve_index=False)  # tells pandas of its dtypes
    with parquet.ParquetWriter(stream, empty.schema, compression="zstd") as writer:
        for part in frames(records, record):
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))


FORMATS: dict[str, Callable[[Iterable[Row], type[Row], IO[bytes]], None]] = {
    "jsonl": write_json_lines,
    "csv": write_csv,
    "parquet": write_parquet,
}
"""What records can be written as; the names are also the suffixes of files."""


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when all is written; if that fails, what was there stays.

    Raises
    ------
    ExportFailed
        If it cannot be written: no such directory, no right, no space, something there that is no file.
    """
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        if target.exists() and not target.is_file():
            raise ExportFailed(f"cannot write {path}: it is not a file")
        try:
            with beside.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(target)
        finally:  # entered before the file is made: whoever is stopped in between leaves none
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise ExportFailed(f"cannot write {path}: {error.strerror or error}") from error


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode()
