"""Snapshots in MongoDB, where no document may be larger than 16 MiB: in chunks, and complete or not there.

The chunks come first and their head, which makes a snapshot of them, last: what a crash leaves half-written has no
head. Each writer's chunks are its own, so that two servers can save after the same entry.
"""

from collections.abc import Iterator

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.collection import Collection

from snews_cs.storage.documents import Document

CHUNK = 2**18
"""Bytes in a chunk: small enough to be written within the store's time-out."""

KEPT = 2
"""How many snapshots are kept."""


def prepare(collection: Collection[Document]) -> None:
    """Make the indexes."""
    collection.create_index("chunks")
    collection.create_index("sequence")


def save(collection: Collection[Document], sequence: int, state: bytes) -> None:
    """Write a snapshot, then delete all but the newest ones."""
    writer = ObjectId()
    chunks = [state[start : start + CHUNK] for start in range(0, len(state), CHUNK)]
    for number, chunk in enumerate(chunks):
        collection.insert_one({"_id": _name(writer, number), "sequence": sequence, "writer": writer, "state": chunk})
    collection.insert_one({"_id": writer, "sequence": sequence, "writer": writer, "chunks": len(chunks)})
    _drop_old(collection)


def latest(collection: Collection[Document]) -> tuple[int, bytes] | None:
    """Return the newest complete snapshot and its sequence number, None if there is none."""
    for head in _heads(collection):
        names = (_name(head["writer"], number) for number in range(head["chunks"]))
        chunks = [collection.find_one({"_id": name}) for name in names]
        whole = [chunk["state"] for chunk in chunks if chunk is not None]
        if len(whole) == head["chunks"]:  # another server may just be deleting it
            return int(head["sequence"]), b"".join(whole)
    return None


def _drop_old(collection: Collection[Document]) -> None:
    heads = list(_heads(collection))
    newest_first = list({head["sequence"]: head["_id"] for head in reversed(heads)}.items())[::-1]
    kept = newest_first[:KEPT]
    superseded = {head["_id"] for head in heads} - {writer for _, writer in kept}
    collection.delete_many({"writer": {"$in": list(superseded)}})
    collection.delete_many({"sequence": {"$lt": kept[-1][0]}})  # what is half-written and older


def _heads(collection: Collection[Document]) -> Iterator[Document]:
    """Yield the heads of snapshots, the newest first."""
    yield from collection.find({"chunks": {"$gte": 0}}).sort([("sequence", DESCENDING), ("_id", DESCENDING)])


def _name(writer: ObjectId, number: int) -> str:
    return f"{writer}/{number}"
