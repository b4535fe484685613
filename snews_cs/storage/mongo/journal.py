"""The journal's collection in MongoDB: an entry is a document, known by its number.

Whatever concerns one entry asks for it by its ``_id`` alone, which every server of the protocol finds at once. All else
is asked for by filters that MongoDB has indexes for. FerretDB does not use any and looks at every document: it is asked
for entries one after the other, and for each no more often than needed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import pymongo
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from snews_cs.errors import AppendConflict
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo.claims import MongoClaims
from snews_cs.storage.mongo.documents import Document, from_document, identity, to_document
from snews_cs.storage.mongo.errors import taken
from snews_cs.storage.mongo.learned import Learned
from snews_cs.storage.mongo.timeouts import time_to_write

PAGE = 100
"""How many entries are read at once."""


class MongoJournal:
    """The entries in a database; every method raises what pymongo raises, unless it says otherwise."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._entries = database["all_mgs"]
        self._claims = MongoClaims(database)
        self._scans = False
        self._learned = Learned(self._entries)

    def exists(self) -> bool:
        """Whether there is a journal; learn what server keeps it."""
        self._scans = "ferretdbVersion" in self._database.client.server_info()
        return self._entries.name in self._database.list_collection_names()

    def prepare(self) -> None:
        """Make the indexes."""
        self._entries.create_index("key", unique=True)
        self._entries.create_index("published")

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries with consecutive numbers, in order.

        Raises
        ------
        AppendConflict
            If a number or key is taken.
        """
        documents = [to_document(entry) for entry in entries]
        try:
            with time_to_write(len(documents)):
                self._entries.insert_many(documents, ordered=True)
        except BulkWriteError as error:
            entry = entries[taken(error)[0]]
            what = "number" if self._has(entry.sequence) else "key"
            raise AppendConflict(f"entry {entry.sequence}: its {what} is in the journal already") from error
        if self._scans:
            self._learned.appended(entries)

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that number, None if there is none."""
        document = self._entries.find_one({"_id": identity(sequence)})
        return None if document is None else self._read([document])[0]

    def page(self, after: int) -> list[Entry]:
        """Return the next entries after that number, in order; none at the end."""
        if self._scans:
            return list(self._one_by_one(after))
        return self._find({"_id": {"$gt": identity(after)}}, limit=PAGE)

    def end(self) -> int:
        """Return the highest number, 0 if there is no entry."""
        if self._scans:
            return self._end_by_halves()
        last = self._entries.find_one({}, {"sequence": True}, sort=[("_id", pymongo.DESCENDING)])
        return 0 if last is None else int(last["sequence"])

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        if self._scans:
            return self._learned.known_keys(keys)
        found = self._entries.find({"key": {"$in": list(keys)}}, {"_id": False, "key": True})
        return frozenset(document["key"] for document in found)

    def unpublished(self) -> list[Entry]:
        """Return the entries that are not marked as published, in order."""
        if not self._scans:
            return self._find({"published": False})
        entries = [entry for sequence in self._learned.unpublished() if (entry := self.entry(sequence))]
        for entry in entries:
            if entry.published:
                self._learned.published(entry.sequence)
        return [entry for entry in entries if not entry.published]

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of these entries that are not marked as published, each with its claim."""
        if self._scans:
            found = {sequence: self._unmarked(sequence) for sequence in sequences}
            return self._claims.of({sequence: first for sequence, first in found.items() if first is not None})
        query = {"_id": {"$in": [identity(sequence) for sequence in sequences]}, "published": False}
        documents = self._entries.find(query, {"sequence": True, "claim": True})
        return self._claims.of({document["sequence"]: document["claim"] for document in documents})

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry as published; False if it was before."""
        marked = self._entries.update_one({"_id": identity(sequence)}, {"$set": {"published": True}})
        return marked.modified_count == 1

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Set an entry's claim if it is the expected one and the entry unmarked; whether it was."""
        first = self._unmarked(sequence)
        if first is None or not self._claims.take(sequence, first, expected, new):
            return False
        return self._unmarked(sequence) is not None

    def drop(self) -> None:
        """Delete all."""
        self._claims.drop()
        self._entries.drop()
        self._learned.forget()

    def _has(self, sequence: int) -> bool:
        return self._entries.find_one({"_id": identity(sequence)}, {"_id": True}) is not None

    def _unmarked(self, sequence: int) -> str | None:
        """Return the claim that an entry was appended with, None if it is marked as published or not there."""
        found = self._entries.find_one({"_id": identity(sequence)}, {"published": True, "claim": True})
        return None if found is None or found["published"] else str(found["claim"])

    def _find(self, query: Document, *, limit: int = 0) -> list[Entry]:
        return self._read(list(self._entries.find(query, sort=[("_id", pymongo.ASCENDING)], limit=limit)))

    def _one_by_one(self, after: int) -> Iterator[Entry]:
        for sequence in range(after + 1, after + 1 + PAGE):
            entry = self.entry(sequence)
            if entry is None:
                return
            yield entry

    def _end_by_halves(self) -> int:
        """Find the end by steps that double and are then halved: the journal has no holes."""
        end, step = 0, 1
        while self._has(end + step):
            end, step = end + step, 2 * step
        while step > 1:
            step //= 2
            if self._has(end + step):
                end += step
        return end

    def _read(self, documents: Sequence[Document]) -> list[Entry]:
        """Return the entries of documents, each with the claim it has now if that still matters."""
        entries = [from_document(document) for document in documents]
        claims = self._claims.of({entry.sequence: entry.claim for entry in entries if not entry.published})
        return [entry if entry.published else replace(entry, claim=claims[entry.sequence]) for entry in entries]
