"""What SQLite's errors mean for a store."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snews_cs.errors import StorageError, StoreUnreachable

_NO_ANSWER = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
)


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Say in our words what SQLite says of a file in its own.

    Raises
    ------
    StoreUnreachable
        If another process holds the file up, or the disk fails or is full: that may pass.
    StorageError
        If the file is no database of ours, or cannot be opened.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest is detail
        kind = StoreUnreachable if code in _NO_ANSWER else StorageError
        raise kind(f"{path}: {error}") from error
