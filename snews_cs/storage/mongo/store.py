"""The store in MongoDB, the default: for several servers, and for the people who look at its collections.

Every write waits until a majority of the replica set has it on disk; reads come from the primary and see only what a
majority has. There are no transactions: a group of entries is written in order, and what stands of it when it fails is
a prefix.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymongo
from bson.errors import InvalidDocument
from pymongo.errors import PyMongoError

from snews_cs.errors import NoStore, StorageError, StoreUnreachable
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo.documents import LAYOUT, Document
from snews_cs.storage.mongo.errors import is_in_doubt
from snews_cs.storage.mongo.journal import MongoJournal
from snews_cs.storage.mongo.projections import MongoProjections
from snews_cs.storage.mongo.snapshots import MongoSnapshots
from snews_cs.storage.mongo.timeouts import TIMEOUT_MS
from snews_cs.storage.order import in_order, require_layout, require_run
from snews_cs.storage.tables import R, in_pages

OPTIONS: dict[str, Any] = {
    "appname": "snews_cs",
    "serverSelectionTimeoutMS": TIMEOUT_MS,
    "connectTimeoutMS": TIMEOUT_MS,
    "timeoutMS": TIMEOUT_MS,
    "w": "majority",
    "journal": True,
    "readPreference": "primary",
    "readConcernLevel": "majority",
    "retryReads": False,
    "retryWrites": False,
}
"""How a client for :class:`MongoStorage` is made. It tries nothing twice: who calls is told, and in time."""


class MongoStorage:
    """The :class:`snews_cs.storage.protocol.Storage` in a MongoDB database.

    Parameters
    ----------
    client
        Made with :data:`OPTIONS`; closed with the store.
    name
        What to call the server in messages to people.
    heartbeats_kept_ns
        How long heartbeats are kept, ns.
    database
        The database's name.
    read_only
        Whether the store must be there, and is only to be read: nothing is made.
    """

    def __init__(
        self,
        client: pymongo.MongoClient[Document],
        *,
        name: str,
        heartbeats_kept_ns: Nanoseconds,
        database: str = "snews_db",
        read_only: bool = False,
    ) -> None:
        self._client = client
        self._name = name
        self._read_only = read_only
        self._database = client[database]
        self._journal = MongoJournal(self._database)
        self._snapshots = MongoSnapshots(self._database)
        self._projections = MongoProjections(self._database, heartbeats_kept_ns)
        self._known_end = 0

    def prepare(self) -> None:
        """Make the indexes; where nothing may be made, see whether there is a journal."""
        with self._answering():
            exists = self._journal.exists()
            if self._read_only and not exists:
                raise NoStore(f"DATABASE_SERVER: {self._name} has no journal in the database {self._database.name}")
            if not self._read_only:
                self._projections.prepare()
            require_layout(self._name, self._projections.layout(), LAYOUT)
            if not self._read_only:
                self._journal.prepare()

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries with consecutive sequence numbers durably; if it fails, a prefix of them may stand."""
        if not entries:
            return
        first = entries[0].sequence
        with self._answering():
            if first > self._known_end + 1:
                self._known_end = self._journal.end()
            require_run(entries, min(first, self._known_end + 1))
            self._journal.append(entries)
        self._known_end = entries[-1].sequence

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence number, None if there is none."""
        with self._answering():
            return self._journal.entry(sequence)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with sequence numbers above ``after``, in order."""
        return in_order(self._page, after)

    def last_sequence(self) -> int:
        """Return the highest sequence number, 0 for an empty journal."""
        with self._answering():
            return self._journal.end()

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        with self._answering():
            return self._journal.known_keys(keys)

    def unpublished(self) -> list[Entry]:
        """Return the entries whose alerts are not marked as published, in order."""
        with self._answering():
            return self._journal.unpublished()

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of these entries whose alerts are not marked as published, each with its claim."""
        with self._answering():
            return self._journal.unmarked(sequences)

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry's alerts as acknowledged by the broker; False if it was marked before."""
        with self._answering():
            return self._journal.mark_published(sequence)

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Set an entry's claim to ``new`` if it is ``expected`` and the entry unmarked; whether it was."""
        with self._answering():
            return self._journal.claim(sequence, expected, new)

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep the engine's state after entry ``sequence``, and drop all but the newest two."""
        with self._answering():
            self._snapshots.save(sequence, state)

    def latest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest complete snapshot and its sequence number, None if there is none."""
        with self._answering():
            return self._snapshots.latest()

    def projected(self) -> int:
        """Return the sequence number up to which the projections stand, 0 at first."""
        with self._answering():
            return self._projections.mark().sequence

    def rows(self, kind: type[R], *, since_ns: Nanoseconds = 0) -> Iterator[R]:
        """Yield a projection's rows in the order of their identities."""

        def page(after: Any) -> list[R]:
            with self._answering():
                return self._projections.rows(kind, after, since_ns)

        return in_pages(kind, page)

    def refused(self, most: int) -> list[int]:
        """Return the sequence numbers of the latest refused messages, as far as projected, the latest first."""
        with self._answering():
            return self._projections.refused(most)

    def refusals(self) -> Mapping[str, int]:
        """Return how many messages were refused for each reason, as far as projected."""
        with self._answering():
            return self._projections.refusals()

    def project(self, entries: Sequence[Entry]) -> None:
        """Bring the projections up to the last of these consecutive entries: first the rows, then the mark."""
        with self._answering():
            self._projections.project(entries, self.entries)

    def sweep(self, now_ns: Nanoseconds) -> int:
        """Delete cached observations and heartbeats whose time is over, unless the server does so; how many."""
        with self._answering():
            return self._projections.sweep(now_ns)

    def drop(self) -> None:
        """Delete everything; the journal last, so that a crash leaves a store that can be taken up."""
        with self._answering():
            self._snapshots.drop()
            self._projections.drop()
            self._journal.drop()
        self._known_end = 0
        self.prepare()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _page(self, after: int) -> list[Entry]:
        with self._answering():
            return self._journal.page(after)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in our words what pymongo says in its own."""
        try:
            yield
        except (PyMongoError, InvalidDocument) as error:
            if is_in_doubt(error):
                raise StoreUnreachable(f"{self._name} does not answer ({type(error).__name__})") from error
            reason = str(error).partition(", full error:")[0]
            raise StorageError(f"{self._name}: {reason}") from error
