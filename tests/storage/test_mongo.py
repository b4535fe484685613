"""What is MongoDB's own: no transactions, other servers at work, answers that never come."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import mongomock
import pytest
from bson.errors import InvalidDocument
from mongomock.collection import Collection
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure

from snews_cs.errors import StorageError, StoreUnreachable
from snews_cs.storage.mongo.projections import AT_ONCE, MongoProjections
from snews_cs.storage.mongo.snapshots import CHUNK
from snews_cs.storage.mongo.store import MongoStorage
from snews_cs.storage.open import open_reader, open_storage
from tests.storage.builders import (
    DAY_NS,
    FULL_OUTCOME,
    T0,
    make_alerting,
    make_entries,
    make_entry,
    make_line,
    make_moving,
    make_raw,
)
from tests.support.mongomock_bulk import mend_bulk_replacing


class Clock:
    """The clock of mongomock's TTL indexes."""

    def __init__(self) -> None:
        self.now = datetime(2099, 1, 1)  # noqa: DTZ001  # mongomock compares with such

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(mongomock, "utcnow", made)
    mend_bulk_replacing(monkeypatch)
    return made


@pytest.fixture
def client() -> Any:
    return mongomock.MongoClient()


@pytest.fixture
def database(client: Any) -> Any:
    return client["snews_db"]


@pytest.fixture
def storage(client: Any) -> MongoStorage:
    return opened(client)


def opened(client: Any) -> MongoStorage:
    made = MongoStorage(client, name="mongomock", heartbeats_kept_ns=DAY_NS)
    made.prepare()
    return made


@contextmanager
def failing(method: str, error: Exception, *, of: str, afterwards: bool = False) -> Iterator[None]:
    """Let a method of one collection fail: instead of what it does, or after it."""
    original = getattr(Collection, method)

    def fail(collection: Any, *args: Any, **kwargs: Any) -> Any:
        if collection.name != of:
            return original(collection, *args, **kwargs)
        if afterwards:
            original(collection, *args, **kwargs)
        raise error

    with patch.object(Collection, method, fail):
        yield


@contextmanager
def no_answer(method: str, *, of: str, afterwards: bool = False) -> Iterator[None]:
    """Expect that the connection breaks in a method of one collection."""
    broken = failing(method, AutoReconnect("connection closed"), of=of, afterwards=afterwards)
    with broken, pytest.raises(StoreUnreachable, match=r"^mongomock does not answer \(AutoReconnect\)$"):
        yield


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


class TestProjections:
    """Rows and mark are not written together, and not by one server only."""

    HISTORY = (
        make_moving(1, make_line(0, p_value=0.5), make_line(1)),
        make_moving(2, make_line(0, p_value=0.25), gone=(1,)),
        make_alerting(3),
    )

    def _check(self, database: Any) -> None:
        assert [(row["line_id"], row["p_value"]) for row in database["cache"].find()] == [(0, 0.25)]
        assert database["coincidence_tier_alerts"].count_documents({}) == 1

    @pytest.mark.parametrize("afterwards", [False, True])
    @pytest.mark.parametrize(
        ("method", "collection"),
        [("insert_many", "cache"), ("insert_many", "coincidence_tier_alerts"), ("update_one", "projected")],
    )
    def test_after_a_crash_it_is_done_again(
        self, storage: MongoStorage, database: Any, method: str, collection: str, *, afterwards: bool
    ) -> None:
        storage.append(self.HISTORY)
        with no_answer(method, of=collection, afterwards=afterwards):
            storage.project(self.HISTORY)
        storage.project(self.HISTORY)
        assert storage.projected() == 3
        self._check(database)

    @pytest.mark.parametrize("mine", [1, 2, 3])
    @pytest.mark.parametrize("theirs", [1, 2, 3])
    def test_the_slower_of_two_servers_does_not_turn_it_back(
        self, storage: MongoStorage, client: Any, database: Any, mine: int, theirs: int
    ) -> None:
        storage.append(self.HISTORY)
        original = MongoProjections._write
        overtaken: list[bool] = []

        def write(projections: MongoProjections, entries: Any) -> None:
            if not overtaken:
                overtaken.append(True)
                opened(client).project(self.HISTORY[:theirs])
            original(projections, entries)

        with patch.object(MongoProjections, "_write", write):
            storage.project(self.HISTORY[:mine])
        assert storage.projected() == max(mine, theirs)
        storage.project(self.HISTORY)
        self._check(database)

    def test_a_mark_that_fell_back(self, storage: MongoStorage, database: Any) -> None:
        storage.append(self.HISTORY)
        storage.project(self.HISTORY[:2])
        database["projected"].update_one({}, {"$set": {"sequence": 1}})
        storage.project(self.HISTORY[2:])
        assert storage.projected() == 3
        self._check(database)

    def test_rows_that_bson_cannot_hold(self, storage: MongoStorage, database: Any) -> None:
        entry = make_moving(1, make_line(2**70))
        storage.project([entry])
        assert database["cache"].find_one()["line_id"] == str(2**70)

    def test_many_rows_of_one_entry_are_written_some_at_a_time(self, storage: MongoStorage, database: Any) -> None:
        """Each operation has half a second; one retraction may end any number of events."""
        (alert,) = FULL_OUTCOME.alerts[:1]
        outcome = replace(FULL_OUTCOME, alerts=tuple(replace(alert, alert_uuid=str(uuid4())) for _ in range(1_200)))
        entry = make_entry(1, outcome=outcome)
        storage.append([entry])
        written: list[int] = []
        original: Any = Collection.insert_many

        def insert_many(collection: Any, documents: Any, **options: Any) -> Any:
            written.append(len(documents))
            return original(collection, documents, **options)

        with patch.object(Collection, "insert_many", insert_many):
            storage.project([entry])
        assert max(written) <= AT_ONCE
        assert database["coincidence_tier_alerts"].count_documents({}) == 1_200


class TestExpiry:
    """TTL indexes where there are any."""

    def test_the_server_deletes_what_is_over(self, storage: MongoStorage, database: Any, clock: Clock) -> None:
        storage.project([make_moving(1, make_line(0), make_line(1, expires_ns=T0 + 2 * DAY_NS))])
        assert database["cache"].index_information()["expires_1"]["expireAfterSeconds"] == 0
        clock.now = datetime(2100, 1, 2, 0, 0, 1)  # noqa: DTZ001
        assert [row["line_id"] for row in database["cache"].find()] == [1]
        assert storage.sweep(T0 + 10 * DAY_NS) == 0

    def test_a_server_without_ttl_indexes_is_swept(self, client: Any, database: Any) -> None:
        original: Any = Collection.create_index

        def create_index(collection: Any, keys: Any, **options: Any) -> Any:
            if "expireAfterSeconds" in options:
                raise OperationFailure("createIndexes.expireAfterSeconds is not implemented yet", code=238)
            return original(collection, keys, **options)

        with patch.object(Collection, "create_index", create_index):
            storage = opened(client)
        storage.project([make_moving(1, make_line(0), make_line(1, expires_ns=T0 + 2 * DAY_NS))])
        assert storage.sweep(T0 + DAY_NS - 1) == 0
        assert storage.sweep(T0 + DAY_NS) == 1
        assert [row["line_id"] for row in database["cache"].find()] == [1]


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
