"""The SQLite file that holds everything, and the transactions on it."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE topic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE partition (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic INTEGER NOT NULL REFERENCES topic,
    number INTEGER NOT NULL,
    UNIQUE (topic, number)
) STRICT;
CREATE TABLE batch (
    partition INTEGER NOT NULL REFERENCES partition,
    last_offset INTEGER NOT NULL,
    count INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL,
    producer_id INTEGER NOT NULL,
    producer_epoch INTEGER NOT NULL,
    base_sequence INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX batch_by_offset ON batch (partition, last_offset, max_timestamp);
CREATE INDEX batch_by_producer ON batch (partition, producer_id, last_offset) WHERE producer_id >= 0;
CREATE TABLE committed_offset (
    consumer_group TEXT NOT NULL,
    topic INTEGER NOT NULL REFERENCES topic,
    partition INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    leader_epoch INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition)
) STRICT, WITHOUT ROWID;
"""


class Database:
    """One SQLite file, in the hands of one process and one event loop.

    Everything that asks to be written while the event loop goes round once is written in one transaction, so that
    many producers share one wait for the disk, and a lone one waits for nobody.

    Parameters
    ----------
    path
        The file; made if it is missing.

    Raises
    ------
    sqlite3.Error
        If the file cannot be used, or another process is using it.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._undo: list[Callable[[], object]] = []
        with ExitStack() as unless_ready:
            unless_ready.callback(self._connection.close)
            self._prepare()
            unless_ready.pop_all()

    def _prepare(self) -> None:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN IMMEDIATE")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        elif version != _SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"the log has format {version}, not {_SCHEMA_VERSION}")
        self._connection.execute("COMMIT")

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; one that writes only within an operation given to :meth:`write`."""
        return self._connection.execute(statement, values)

    def write(self, operation: Callable[[], T]) -> "asyncio.Future[T]":
        """Run an operation in the next transaction.

        Parameters
        ----------
        operation
            Writes by :meth:`execute`. For each change of memory that it makes it gives the reverse to
            :meth:`on_rollback`.

        Returns
        -------
        asyncio.Future
            Gets what the operation returned when that is safely on the disk; or :class:`sqlite3.Error` if it could
            not be written, and then nothing of it is.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_waiting)
        self._waiting.append((operation, future))
        return future

    def on_rollback(self, undo: Callable[[], object]) -> None:
        """Have ``undo`` called if the transaction that runs now fails; the last given is called first."""
        self._undo.append(undo)

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return  # they were written when the file was closed
        self._undo.clear()
        try:
            self.execute("BEGIN IMMEDIATE")
            results = [operation() for operation, _ in waiting]
            self.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            for _, future in waiting:
                if not future.cancelled():
                    future.set_exception(error)
            if not isinstance(error, sqlite3.Error):
                raise
        else:
            for (_, future), result in zip(waiting, results, strict=True):
                if not future.cancelled():
                    future.set_result(result)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self.execute("ROLLBACK")
        for undo in reversed(self._undo):
            undo()

    def close(self) -> None:
        """Write what is waiting, and close the file."""
        self._write_waiting()
        self._connection.close()
