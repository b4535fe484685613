"""Projections in MongoDB, which has no transactions, and what leaves them in time."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from mongomock.collection import Collection
from pymongo.errors import OperationFailure

from snews_cs.storage.mongo.projections import AT_ONCE, MongoProjections
from snews_cs.storage.mongo.store import MongoStorage
from tests.storage.builders import (
    DAY_NS,
    FULL_OUTCOME,
    T0,
    make_alerting,
    make_entry,
    make_line,
    make_moving,
)
from tests.storage.mongo.conftest import Clock, no_answer, opened


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
