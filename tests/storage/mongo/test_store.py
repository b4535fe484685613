"""What is MongoDB's own: other servers at work, answers that never come."""

import socket
from contextlib import closing
from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, OperationFailure

from snews_cs.errors import StorageError, StoreUnreachable
from snews_cs.storage.mongo.store import MongoStorage
from snews_cs.storage.open import open_reader, open_storage
from tests.storage.builders import (
    make_alerting,
    make_entries,
    make_entry,
    make_raw,
)
from tests.storage.mongo.conftest import failing, no_answer, opened


class TestInDoubt:
    """An append without an answer may have happened; the entry tells by its attempt."""

    def test_it_happened(self, storage: MongoStorage) -> None:
        entry = make_entry(1)
        with no_answer("insert_many", of="all_mgs", afterwards=True):
            storage.append([entry])
        found = storage.entry(1)
        assert found is not None
        assert found.attempt == entry.attempt

    def test_it_did_not(self, storage: MongoStorage) -> None:
        with no_answer("insert_many", of="all_mgs"):
            storage.append([make_entry(1)])
        assert storage.entry(1) is None
        storage.append([make_entry(1)])

    @pytest.mark.parametrize("duplicates", [[], [{"index": 0, "code": 11000}]])
    def test_no_majority_has_it(self, storage: MongoStorage, duplicates: list[dict[str, int]]) -> None:
        late = BulkWriteError({"writeErrors": duplicates, "writeConcernErrors": [{"code": 64}], "nInserted": 1})
        with failing("insert_many", late, of="all_mgs", afterwards=True), pytest.raises(StoreUnreachable):
            storage.append([make_entry(1)])

    def test_another_failure_is_no_conflict(self, storage: MongoStorage) -> None:
        full = BulkWriteError({"writeErrors": [{"index": 0, "code": 14031, "errmsg": "disk full"}]})
        with failing("insert_many", full, of="all_mgs"), pytest.raises(StorageError) as error:
            storage.append([make_entry(1)])
        assert type(error.value) is StorageError


class TestUnreachable:
    """Nothing waits longer than the time-outs."""

    def test_nobody_is_there(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{unused.getsockname()[1]}"
            told = pytest.raises(StoreUnreachable, match=f"^MongoDB at {address} does not answer")
            with closing(open_storage(f"mongodb://user:secret@{address}")) as storage, told:
                storage.prepare()
            with told:
                open_reader(f"mongodb://user:secret@{address}")

    def test_nobody_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            host, port = silent.getsockname()
            with closing(open_storage(f"mongodb://{host}:{port}")) as storage, pytest.raises(StoreUnreachable):
                storage.prepare()

    def test_nobody_lets_us_in(self, client: Any) -> None:
        error = OperationFailure("Authentication failed.", code=18)
        with failing("create_index", error, of="all_mgs"), pytest.raises(StorageError, match="Authentication failed"):
            opened(client)


class TestForPeople:
    """What somebody finds who looks into the database."""

    def test_the_collections(self, storage: MongoStorage, database: Any) -> None:
        storage.append([make_alerting(1)])
        storage.project([make_alerting(1)])
        document = database["all_mgs"].find_one({"message.detector_name": "JUNO", "raw.offset": 1})
        assert (document["_id"], document["sequence"]) == ("000000000001", 1)
        assert database["coincidence_tier_alerts"].find_one({"alert.detector_names": "SNO+"})["sequence"] == 1


@pytest.mark.parametrize("layout", [{}, {"layout": 99}])
def test_a_store_of_another_version_stays_as_it_is(client: Any, database: Any, layout: dict[str, int]) -> None:
    database["all_mgs"].insert_one({"_id": 1})
    database["projected"].insert_one({"_id": "projections", "sequence": 1, "turn": 1, **layout})
    with pytest.raises(StorageError, match=r"^mongomock was made by another version of snews_cs"):
        opened(client)
    assert list(database["all_mgs"].index_information()) == ["_id_"]


class TestDropping:
    """``--dropdb`` that is interrupted leaves a store that can be taken up."""

    @pytest.mark.parametrize(
        "collection", ["snapshots", "snapshots.chunks", "projected", "cache", "quarantine", "all_mgs"]
    )
    def test_interrupted(self, storage: MongoStorage, client: Any, collection: str) -> None:
        entries = make_entries(1, 3)
        storage.append(entries)
        storage.project(entries)
        storage.save_snapshot(3, b"state")
        with no_answer("drop", of=collection):
            storage.drop()
        again = opened(client)
        assert list(again.entries()) == entries
        assert (again.latest_snapshot() or (0, b""))[0] <= again.last_sequence()
        again.project(entries[again.projected() :])
        assert again.projected() == 3


def test_a_message_too_large_for_a_document_is_an_error_of_the_store(storage: MongoStorage) -> None:
    with failing("insert_many", InvalidDocument("too large"), of="all_mgs"), pytest.raises(StorageError):
        storage.append([make_entry(1, raw=make_raw(1))])


def test_closing(client: Any) -> None:
    with closing(opened(client)) as storage:
        storage.append(make_entries(1, 1))
