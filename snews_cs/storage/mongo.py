"""The store in MongoDB, the default: for several servers, and for the people who look at its collections.

Every write waits until a majority of the replica set has it on disk; reads come from the primary and see only what a
majority has. There are no transactions: a group of entries is written in order, and what stands of it when it fails is
a prefix.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pymongo
from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, PyMongoError

from snews_cs.errors import AppendConflict, NoStore, StorageError, StoreUnreachable
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.documents import Document, from_document, to_document
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo_claims import MongoClaims
from snews_cs.storage.mongo_errors import is_in_doubt, taken
from snews_cs.storage.mongo_projections import MongoProjections
from snews_cs.storage.mongo_snapshots import MongoSnapshots
from snews_cs.storage.order import in_order, require_run
from snews_cs.storage.tables import QuarantineRow

TIMEOUT_MS = 500
"""How long one operation may take, with all that belongs to it: to find a server, to connect, to get its answer."""

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

PAGE = 100
"""How many entries are read at once."""


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
        self._journal = client[database]["all_mgs"]
        self._quarantine = client[database][QuarantineRow.table]
        self._claims = MongoClaims(client[database])
        self._snapshots = MongoSnapshots(client[database])
        self._projections = MongoProjections(client[database], heartbeats_kept_ns)
        self._known_end = 0

    def prepare(self) -> None:
        """Make the indexes; where nothing may be made, see whether there is a journal."""
        with self._answering():
            if not self._read_only:
                self._journal.create_index("key", unique=True)
                self._journal.create_index("published")
                self._projections.prepare()
            elif self._journal.name not in self._journal.database.list_collection_names():
                raise NoStore(
                    f"DATABASE_SERVER: {self._name} has no journal in the database {self._journal.database.name}"
                )

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries with consecutive sequence numbers durably; if it fails, a prefix of them may stand."""
        if not entries:
            return
        first = entries[0].sequence
        if first > self._known_end + 1:
            self._known_end = self.last_sequence()
        require_run(entries, min(first, self._known_end + 1))
        documents = [to_document(entry) for entry in entries]
        with self._answering():
            try:
                self._journal.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                appended = taken(error)[0]
                raise self._conflict(entries[appended], appended) from error
        self._known_end = entries[-1].sequence

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence number, None if there is none."""
        with self._answering():
            document = self._journal.find_one({"_id": sequence})
            return None if document is None else self._entry(document)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with sequence numbers above ``after``, in order."""
        return in_order(lambda sequence: self._entries({"_id": {"$gt": sequence}}, limit=PAGE), after)

    def last_sequence(self) -> int:
        """Return the highest sequence number, 0 for an empty journal."""
        with self._answering():
            last = self._journal.find_one({}, {"_id": True}, sort=[("_id", pymongo.DESCENDING)])
        return 0 if last is None else int(last["_id"])

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        with self._answering():
            found = self._journal.find({"key": {"$in": list(keys)}}, {"_id": False, "key": True})
            return frozenset(document["key"] for document in found)

    def unpublished(self) -> list[Entry]:
        """Return the entries whose alerts are not marked as published, in order."""
        return self._entries({"published": False})

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of these entries whose alerts are not marked as published, each with its claim."""
        with self._answering():
            found = self._journal.find({"_id": {"$in": list(sequences)}, "published": False}, {"claim": True})
            return {document["_id"]: self._claims.of(document["_id"], document["claim"]) for document in found}

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry's alerts as acknowledged by the broker; False if it was marked before."""
        with self._answering():
            marked = self._journal.update_one({"_id": sequence}, {"$set": {"published": True}})
        return marked.modified_count == 1

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Set an entry's claim to ``new`` if it is ``expected`` and the entry unmarked; whether it was."""
        unmarked = {"_id": sequence, "published": False}
        with self._answering():
            entry = self._journal.find_one(unmarked, {"claim": True})
            if entry is None or not self._claims.take(sequence, entry["claim"], expected, new):
                return False
            return self._journal.find_one(unmarked, {"_id": True}) is not None

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

    def refused(self, most: int) -> list[int]:
        """Return the sequence numbers of the latest refused messages, as far as projected, the latest first."""
        with self._answering():
            found = self._quarantine.find({}, {"_id": True}, sort=[("_id", pymongo.DESCENDING)], limit=most)
            return [int(document["_id"]) for document in found]

    def refusals(self) -> Counter[str]:
        """Return how many messages were refused for each reason, as far as projected."""
        with self._answering():
            return Counter(document["reason"] for document in self._quarantine.find({}, {"reason": True}))

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
            self._claims.drop()
            self._journal.drop()
        self._known_end = 0
        self.prepare()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _entries(self, query: Document, *, limit: int = 0) -> list[Entry]:
        with self._answering():
            documents = list(self._journal.find(query, sort=[("_id", pymongo.ASCENDING)], limit=limit))
            return [self._entry(document) for document in documents]

    def _entry(self, document: Document) -> Entry:
        """Return the entry of a document, with the claim it has now if that still matters."""
        entry = from_document(document)
        return entry if entry.published else replace(entry, claim=self._claims.of(entry.sequence, entry.claim))

    def _conflict(self, entry: Entry, appended: int) -> AppendConflict:
        is_number = self._journal.find_one({"_id": entry.sequence}, {"_id": True}) is not None
        what = "number" if is_number else "key"
        return AppendConflict(f"entry {entry.sequence}: its {what} is in the journal already", appended=appended)

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
