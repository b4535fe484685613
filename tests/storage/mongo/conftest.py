"""MongoDB's protocol, played by mongomock, and what may go wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import mongomock
import pytest
from mongomock.collection import Collection
from pymongo.errors import AutoReconnect

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.mongo.store import MongoStorage
from tests.storage.builders import (
    DAY_NS,
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
