"""The projections in MongoDB, where nothing changes together: rows are written before the mark that says so.

Each row is written whole under its identity, so that writing it again after a crash is harmless.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, TypeVar

from pymongo import ASCENDING, DESCENDING, DeleteOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo.documents import LAYOUT, Document, identity, to_row_document
from snews_cs.storage.mongo.errors import taken
from snews_cs.storage.mongo.timeouts import time_to_scan, time_to_write
from snews_cs.storage.order import require_run
from snews_cs.storage.projections import changes
from snews_cs.storage.tables import EXPIRING, KINDS, CacheRow, QuarantineRow, R, from_stored

BULK = 10
"""How many rows one command changes. (FerretDB needs a connection to its database for each, and hangs at 100.)"""

AT_ONCE = 500
"""How many new rows are written at once: one entry may have any number, and there is little time for each operation."""

PAGE = 5_000
"""How many rows are read at once: many, for where each such question is answered by looking at all (FerretDB)."""

Item = TypeVar("Item")

_MARK = {"_id": "projections"}
_NO_TTL_INDEXES = frozenset({115, 238})  # CommandNotSupported; NotImplemented, of servers that only speak the protocol


class Mark(NamedTuple):
    """The sequence number up to which the projections stand, and how often it was set."""

    sequence: int
    turn: int


class MongoProjections:
    """The projections' collections; every method raises what pymongo raises.

    Parameters
    ----------
    database
        Where the collections are.
    heartbeats_kept_ns
        How long heartbeats are kept, ns.
    """

    def __init__(self, database: Database[Document], heartbeats_kept_ns: Nanoseconds) -> None:
        self._database = database
        self._marks = database["projected"]
        self._heartbeats_kept_ns = heartbeats_kept_ns
        self._server_sweeps = True

    def prepare(self) -> None:
        """Make the indexes and the mark."""
        for kind in EXPIRING:
            self._index_expiry(self._database[kind.table])
        with suppress(DuplicateKeyError):  # another server makes it just now
            self._marks.update_one(_MARK, {"$setOnInsert": {**Mark(0, 0)._asdict(), "layout": LAYOUT}}, upsert=True)

    def layout(self) -> int | None:
        """Return the version of the store's documents."""
        found = self._marks.find_one(_MARK)
        return None if found is None else found.get("layout")

    def mark(self) -> Mark:
        """Return where the projections stand."""
        found = self._marks.find_one(_MARK)
        return Mark(0, 0) if found is None else Mark(found["sequence"], found["turn"])

    def project(self, entries: Sequence[Entry], journal: Callable[[int], Iterator[Entry]]) -> None:
        """Write the rows of consecutive entries, then move the mark.

        Two servers may do this at once, and the rows of the one behind may come last. Each therefore moves the mark
        only if nobody did since it looked; else it writes again what lies between its own last entry and the mark. (On
        FerretDB, where such a condition does not hold always, the mark may fall back by that: what is missing then is
        taken from the journal.)

        Parameters
        ----------
        entries
            Consecutive; those at or below the mark are passed over.
        journal
            Yields all entries above a sequence number.
        """
        mark = self.mark()
        news = [entry for entry in entries if entry.sequence > mark.sequence]
        if not news:
            return
        missing = islice(journal(mark.sequence), news[0].sequence - mark.sequence - 1)
        news = [*missing, *news]
        require_run(news, mark.sequence + 1)
        self._write(news)
        last = news[-1].sequence
        while not self._move(mark, last):
            mark = self.mark()
            low, high = sorted((mark.sequence, last))
            self._write(islice(journal(low), high - low))
            last = high

    def sweep(self, now_ns: Nanoseconds) -> int:
        """Delete rows whose time is over, unless TTL indexes see to that; how many."""
        if self._server_sweeps:
            return 0
        over = {"expires_ns": {"$lte": now_ns}}
        with time_to_scan(self._database):
            return sum(self._database[kind.table].delete_many(over).deleted_count for kind in EXPIRING)

    def rows(self, kind: type[R], after: int | str, since_ns: Nanoseconds) -> list[R]:
        """Return some of a projection's rows with identities above ``after``, in order; none at the end."""
        wanted = {"_id": {"$gt": identity(after)}, kind.time: {"$gte": since_ns}}
        with time_to_scan(self._database):
            found = self._database[kind.table].find(wanted, sort=[("_id", ASCENDING)], limit=PAGE)
            return [from_stored(kind, document) for document in found]

    def refused(self, most: int) -> list[int]:
        """Return the sequence numbers of the latest refused messages, the latest first."""
        found = self._database[QuarantineRow.table].find({}, {"sequence": True}, sort=[("_id", DESCENDING)], limit=most)
        return [int(document["sequence"]) for document in found]

    def refusals(self) -> Counter[str]:
        """Return how many messages were refused for each reason."""
        found = self._database[QuarantineRow.table].find({}, {"reason": True})
        return Counter(document["reason"] for document in found)

    def drop(self) -> None:
        """Delete the mark, then the rows."""
        self._marks.drop()
        for kind in KINDS:
            self._database[kind.table].drop()

    def _index_expiry(self, collection: Collection[Document]) -> None:
        try:
            collection.create_index("expires", expireAfterSeconds=0)
        except OperationFailure as error:
            if error.code not in _NO_TTL_INDEXES:
                raise
            collection.create_index("expires_ns")
            self._server_sweeps = False

    def _move(self, mark: Mark, last: int) -> bool:
        """Move the mark to entry ``last``; False if somebody else set it since it was read."""
        moved = Mark(last, mark.turn + 1)
        return self._marks.update_one({**_MARK, "turn": mark.turn}, {"$set": moved._asdict()}).modified_count == 1

    def _write(self, entries: Iterator[Entry] | Sequence[Entry]) -> None:
        found = changes(entries, heartbeats_kept_ns=self._heartbeats_kept_ns)
        if found.lines_gone:
            self._delete(self._database[CacheRow.table], sorted(found.lines_gone))
        for kind, rows in found.rows.items():
            if rows:  # a line that came and went within these entries leaves none
                self._put(self._database[kind.table], [to_row_document(row) for row in rows.values()])

    @staticmethod
    def _delete(collection: Collection[Document], numbers: Sequence[int]) -> None:
        for some in _in_parts(numbers, BULK):
            collection.bulk_write([DeleteOne({"_id": identity(number)}) for number in some], ordered=False)

    @staticmethod
    def _put(collection: Collection[Document], documents: Sequence[Document]) -> None:
        """Write documents: many at once, and again those few that are not new."""
        for many in _in_parts(documents, AT_ONCE):
            try:
                with time_to_write(len(many)):
                    collection.insert_many(many, ordered=False)
            except BulkWriteError as error:
                for some in _in_parts([many[index] for index in taken(error)], BULK):
                    collection.bulk_write(
                        [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in some],
                        ordered=False,
                    )


def _in_parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
