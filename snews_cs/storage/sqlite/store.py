"""The store in one SQLite file: what ``--embedded`` uses, for the servers of one machine.

Only an append and a claim wait for the disk (``synchronous=FULL``). Marks, projections and snapshots are written with
``synchronous=NORMAL``: they survive the death of the process; a power cut may take back the latest of them, which are
then marked, projected or taken again. The next append makes them durable too.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snews_cs.errors import AppendConflict, NoStore, StorageError
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.codec import from_row, json_text, packed, to_row, unpacked
from snews_cs.storage.entry import Entry
from snews_cs.storage.order import in_order, require_layout, require_run
from snews_cs.storage.projections import changes
from snews_cs.storage.sqlite import sql
from snews_cs.storage.sqlite.errors import answering
from snews_cs.storage.tables import COLUMNS, NESTED, R, Row, from_stored, in_pages, values

TIMEOUT_S = 0.5
"""How long to wait for another process that is writing."""

WAL_BYTES = 64 * 2**20
"""What is left of the write-ahead log's file after a checkpoint, at most."""


class SqliteStorage:
    """The :class:`snews_cs.storage.protocol.Storage` in one SQLite file.

    Parameters
    ----------
    path
        The file, made if it is not there; its directory is.
    heartbeats_kept_ns
        How long heartbeats are kept, ns.
    read_only
        Whether the file must be there, and nothing in it can be changed. A server may be writing meanwhile.

    Raises
    ------
    StorageError
        If the file cannot be opened.
    """

    def __init__(self, path: Path, *, heartbeats_kept_ns: Nanoseconds, read_only: bool = False) -> None:
        self._path = path
        self._heartbeats_kept_ns = heartbeats_kept_ns
        self._read_only = read_only
        address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        with answering(self._path):
            self._db = sqlite3.connect(
                address, uri=True, timeout=TIMEOUT_S, isolation_level=None, check_same_thread=False
            )

    def prepare(self) -> None:
        """Make the tables in a new file, and refuse a file that is something else."""
        if self._is_new() and self._read_only:
            raise NoStore(f"DATABASE_SERVER: {self._path} is empty")
        if self._read_only:
            return
        with answering(self._path):
            mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            self._db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        if mode != "wal":
            raise StorageError(f"{self._path}: SQLite cannot keep a write-ahead log there")
        with self._transaction(durable=True) as db:
            if self._is_new():
                for statement in sql.CREATE:
                    db.execute(statement)

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries with consecutive sequence numbers durably, all or none; one transaction, one fsync."""
        if not entries:
            return
        rows = [to_row(entry) for entry in entries]
        with self._transaction(durable=True) as db:
            require_run(entries, min(entries[0].sequence, self.last_sequence() + 1))
            before = db.total_changes
            try:
                db.executemany(sql.APPEND, rows)
            except sqlite3.IntegrityError as error:
                entry = entries[db.total_changes - before]
                taken = "key" if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE else "number"
                raise AppendConflict(f"entry {entry.sequence}: its {taken} is in the journal already") from error

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence number, None if there is none."""
        found = self._entries(sql.ENTRY, sequence)
        return found[0] if found else None

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with sequence numbers above ``after``, in order."""
        return in_order(lambda sequence: self._entries(sql.ENTRIES_AFTER, sequence), after)

    def last_sequence(self) -> int:
        """Return the highest sequence number, 0 for an empty journal."""
        return int(self._value(sql.LAST_SEQUENCE))

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        with answering(self._path):
            return frozenset(key for (key,) in self._db.execute(sql.KNOWN, (json_text(list(keys)),)))

    def unpublished(self) -> list[Entry]:
        """Return the entries whose alerts are not marked as published, in order."""
        return self._entries(sql.UNPUBLISHED)

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of these entries whose alerts are not marked as published, each with its claim."""
        with answering(self._path):
            found = self._db.execute(sql.UNMARKED).fetchall()
        return {sequence: claim for sequence, claim in found if sequence in sequences}

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry's alerts as acknowledged by the broker; False if it was marked before."""
        with self._transaction(durable=False) as db:
            return db.execute(sql.MARK_PUBLISHED, (sequence,)).rowcount == 1

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Set an entry's claim durably to ``new`` if it is ``expected`` and the entry unmarked; whether it was."""
        with self._transaction(durable=True) as db:
            return db.execute(sql.CLAIM, (new, sequence, expected)).rowcount == 1

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep the engine's state after entry ``sequence``, and drop all but the newest two."""
        stored = packed(state)
        with self._transaction(durable=False) as db:
            db.execute(sql.SAVE_SNAPSHOT, (sequence, stored))
            db.execute(sql.DROP_OLD_SNAPSHOTS)

    def latest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest snapshot that is not damaged, and its sequence number; None if there is none."""
        with answering(self._path):
            for sequence, stored in self._db.execute(sql.LATEST_SNAPSHOTS):
                if (state := unpacked(stored)) is not None:
                    return sequence, state
        return None

    def projected(self) -> int:
        """Return the sequence number up to which the projections stand, 0 at first."""
        return int(self._value(sql.PROJECTED))

    def rows(self, kind: type[R], *, since_ns: Nanoseconds = 0) -> Iterator[R]:
        """Yield a projection's rows in the order of their identities."""

        def page(after: Any) -> list[R]:
            with answering(self._path):
                found = self._db.execute(sql.ROWS_AFTER[kind], (after, since_ns)).fetchall()
            return [from_stored(kind, dict(zip(COLUMNS[kind], row, strict=True))) for row in found]

        return in_pages(kind, page)

    def refused(self, most: int) -> list[int]:
        """Return the sequence numbers of the latest refused messages, as far as projected, the latest first."""
        with answering(self._path):
            return [sequence for (sequence,) in self._db.execute(sql.REFUSED, (most,))]

    def refusals(self) -> dict[str, int]:
        """Return how many messages were refused for each reason, as far as projected."""
        with answering(self._path):
            return dict(self._db.execute(sql.REFUSALS).fetchall())

    def project(self, entries: Sequence[Entry]) -> None:
        """Bring the projections up to the last of these consecutive entries; one transaction, no fsync."""
        with self._transaction(durable=False) as db:
            projected = self.projected()
            news = [entry for entry in entries if entry.sequence > projected]
            if not news:
                return
            require_run(news, projected + 1)
            found = changes(news, heartbeats_kept_ns=self._heartbeats_kept_ns)
            db.executemany(sql.REMOVE_LINE, ((line_id,) for line_id in found.lines_gone))
            for kind, rows in found.rows.items():
                to_values = _bindable if NESTED[kind] else values
                db.executemany(sql.PUT[kind], map(to_values, rows.values()))
            db.execute(sql.SET_PROJECTED, (news[-1].sequence,))

    def sweep(self, now_ns: Nanoseconds) -> int:
        """Delete some cached observations and heartbeats whose time is over; how many."""
        with self._transaction(durable=False) as db:
            return sum(db.execute(statement, (now_ns,)).rowcount for statement in sql.SWEEP)

    def drop(self) -> None:
        """Delete everything: journal, snapshots and projections."""
        with self._transaction(durable=True) as db:
            for statement in (*sql.DROP, *sql.CREATE):
                db.execute(statement)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _is_new(self) -> bool:
        """Whether the file is empty; one that is not must be ours."""
        if not self._value("SELECT count(*) FROM sqlite_master"):
            return True
        if self._value("PRAGMA application_id") != sql.APPLICATION_ID:
            raise StorageError(f"{self._path} is the database of another program")
        require_layout(str(self._path), self._value("PRAGMA user_version"), sql.LAYOUT)
        return False

    def _value(self, query: str, *parameters: Any) -> Any:
        with answering(self._path):
            return self._db.execute(query, parameters).fetchone()[0]

    def _entries(self, query: str, *parameters: Any) -> list[Entry]:
        with answering(self._path):
            rows = self._db.execute(query, parameters).fetchall()
        return [from_row(row) for row in rows]

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Do what is in the block or nothing; ``durable``: even if the power fails after it."""
        with answering(self._path):
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _bindable(row: Row) -> tuple[Any, ...]:
    """Return a row's values as SQLite takes them: lists and objects as JSON text."""
    return tuple(json_text(value) if isinstance(value, list | dict) else value for value in values(row))
