"""Snapshots in MongoDB, which has no transactions."""

from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from mongomock.collection import Collection

from snews_cs.storage.mongo.snapshots import CHUNK
from snews_cs.storage.mongo.store import MongoStorage
from tests.storage.mongo.conftest import no_answer, opened


def large(chunks: int) -> bytes:
    """Return a snapshot of so many chunks."""
    return Random(chunks).randbytes(chunks * CHUNK - CHUNK // 2)


class TestSnapshots:
    """A snapshot is complete or not there, whoever writes or deletes at the same time."""

    def _save_in_part(self, storage: MongoStorage, database: Any) -> None:
        storage.save_snapshot(1_000, b"complete")
        with no_answer("insert_one", of="snapshots.chunks", afterwards=True):
            storage.save_snapshot(2_000, large(3))
        assert database["snapshots.chunks"].count_documents({}) == 2

    def test_a_half_written_one_is_passed_over(self, storage: MongoStorage, database: Any) -> None:
        self._save_in_part(storage, database)
        assert storage.latest_snapshot() == (1_000, b"complete")

    def test_what_is_half_written_goes_in_time(self, storage: MongoStorage, database: Any) -> None:
        self._save_in_part(storage, database)
        storage.save_snapshot(3_000, b"complete")
        assert sorted(database["snapshots"].distinct("sequence")) == [1_000, 2_000, 3_000]
        storage.save_snapshot(4_000, b"complete")
        assert sorted(database["snapshots"].distinct("sequence")) == [3_000, 4_000]
        assert database["snapshots.chunks"].count_documents({}) == 2

    @pytest.mark.parametrize("method", ["update_one", "find"])
    def test_a_crash_near_the_end(self, storage: MongoStorage, method: str) -> None:
        for sequence in (1_000, 2_000):
            storage.save_snapshot(sequence, b"state %d" % sequence)
        with no_answer(method, of="snapshots"):
            storage.save_snapshot(3_000, b"state 3000")
        complete = 2_000 if method == "update_one" else 3_000
        assert storage.latest_snapshot() == (complete, b"state %d" % complete)

    @pytest.mark.parametrize("collection", ["snapshots", "snapshots.chunks"])
    def test_a_crash_while_deleting(self, storage: MongoStorage, database: Any, collection: str) -> None:
        for sequence in (1_000, 2_000):
            storage.save_snapshot(sequence, large(2))
        with no_answer("delete_one", of=collection, afterwards=True):
            storage.save_snapshot(3_000, large(2))
        storage.save_snapshot(4_000, large(2))
        assert sorted(database["snapshots"].distinct("sequence")) == [3_000, 4_000]
        assert database["snapshots.chunks"].count_documents({}) == 4

    def test_one_that_lacks_a_chunk_is_passed_over(self, storage: MongoStorage, database: Any) -> None:
        storage.save_snapshot(1_000, b"complete")
        storage.save_snapshot(2_000, large(3))
        database["snapshots.chunks"].delete_one({"_id": {"$regex": "/1$"}})
        assert storage.latest_snapshot() == (1_000, b"complete")

    def test_two_servers_save_after_the_same_entry(self, storage: MongoStorage, client: Any, database: Any) -> None:
        other = opened(client)
        original: Any = Collection.insert_one
        begun: list[bool] = []

        def insert(collection: Any, document: Any) -> Any:
            if not begun:
                begun.append(True)
                other.save_snapshot(1_000, large(2))
            return original(collection, document)

        with patch.object(Collection, "insert_one", insert):
            storage.save_snapshot(1_000, large(2))
        assert storage.latest_snapshot() == (1_000, large(2))
        assert database["snapshots"].count_documents({}) == 1
        assert database["snapshots.chunks"].count_documents({}) == 2
