"""Snapshots in MongoDB, where no document may be larger than 16 MiB: in chunks, and complete or not there.

A snapshot's head comes first, its chunks follow, and then the head says that it is complete: what a crash leaves is
passed over, and deleted when it is old. Each writer has chunks of its own, so that two servers can save after the same
entry. Chunks are only ever asked for by their identity: no server has to search through them.
"""

from collections.abc import Iterator

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.database import Database

from snews_cs.storage.codec import packed, unpacked
from snews_cs.storage.mongo.documents import Document

CHUNK = 2**19
"""Bytes in a chunk: small enough to be written within the store's time-out."""

KEPT = 2
"""How many snapshots are kept."""


class MongoSnapshots:
    """The snapshots in a database; every method raises what pymongo raises."""

    def __init__(self, database: Database[Document]) -> None:
        self._heads = database["snapshots"]
        self._chunks = database["snapshots.chunks"]

    def save(self, sequence: int, state: bytes) -> None:
        """Write a snapshot, then delete all but the newest ones."""
        stored = packed(state)
        parts = [stored[start : start + CHUNK] for start in range(0, len(stored), CHUNK)]
        head: Document = {"_id": ObjectId(), "sequence": sequence, "chunks": len(parts), "complete": False}
        self._heads.insert_one(head)
        for name, part in zip(_names(head), parts, strict=True):
            self._chunks.insert_one({"_id": name, "state": part})
        self._heads.update_one({"_id": head["_id"]}, {"$set": {"complete": True}})
        self._delete_old()

    def latest(self) -> tuple[int, bytes] | None:
        """Return the newest complete snapshot that is not damaged, and its sequence number; None if there is none."""
        for head in self._newest_first():
            if head["complete"]:
                chunks = [self._chunks.find_one({"_id": name}) for name in _names(head)]
                parts = [chunk["state"] for chunk in chunks if chunk is not None]  # another server may just delete it
                if (state := unpacked(b"".join(parts))) is not None:
                    return int(head["sequence"]), state
        return None

    def drop(self) -> None:
        """Delete all."""
        self._heads.drop()
        self._chunks.drop()

    def _delete_old(self) -> None:
        """Keep the newest complete ones, and what another server may be writing."""
        heads = self._newest_first()
        newest: dict[int, ObjectId] = {}
        for head in heads:
            if head["complete"]:
                newest.setdefault(head["sequence"], head["_id"])
        kept = dict(list(newest.items())[:KEPT])
        for head in heads:
            if head["_id"] not in kept.values() and (head["complete"] or head["sequence"] < min(kept)):
                for name in _names(head):
                    self._chunks.delete_one({"_id": name})
                self._heads.delete_one({"_id": head["_id"]})

    def _newest_first(self) -> list[Document]:
        return list(self._heads.find(sort=[("sequence", DESCENDING), ("_id", DESCENDING)]))


def _names(head: Document) -> Iterator[str]:
    """Yield the identities of a snapshot's chunks."""
    for number in range(head["chunks"]):
        yield f"{head['_id']}/{number}"
