"""The stores that the contract suite runs over: SQLite, MongoDB as mongomock plays it, a real server of its protocol.

``SNEWS_CS_TEST_MONGODB=mongodb://...`` names another server than FerretDB to be the real one.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import mongomock
import pymongo
import pytest

from snews_cs.storage.mongo.documents import Document
from snews_cs.storage.mongo.store import OPTIONS, MongoStorage
from snews_cs.storage.protocol import Storage, StoreReader
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.storage.tables import COLUMNS, KINDS
from tests.storage.builders import DAY_NS
from tests.support.mongomock_bulk import mend_bulk_replacing

Store = TypeVar("Store", bound=StoreReader)

IDENTITY = {kind.table: COLUMNS[kind][0] for kind in KINDS}


@dataclass(frozen=True)
class Place:
    """Where a store keeps its data.

    Parameters
    ----------
    open
        Opens a store on the same data each time.
    look
        Opens it to be read only.
    rows
        Returns the rows of a projection as another program finds them there, lists and objects parsed.
    is_transactional
        Whether a group of entries stands as a whole or not at all.
    is_swept
        Whether ``sweep`` deletes what is over; else the store does so by its own clock.
    """

    open: Callable[[], Storage]
    look: Callable[[], StoreReader]
    rows: Callable[[str], list[dict[str, Any]]]
    is_transactional: bool
    is_swept: bool


@contextmanager
def sqlite_place(directory: Path) -> Iterator[Place]:
    path = directory / "store.db"

    def rows(table: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(path)) as db:
            db.row_factory = sqlite3.Row
            found = db.execute(f"SELECT * FROM {table} ORDER BY {IDENTITY[table]}").fetchall()
        return [{name: _parsed(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118  # not a dict

    def opened(read_only: bool = False) -> Storage:
        return prepared(SqliteStorage(path, heartbeats_kept_ns=DAY_NS, read_only=read_only))

    yield Place(opened, partial(opened, read_only=True), rows, is_transactional=True, is_swept=True)


@contextmanager
def mongomock_place(directory: Path) -> Iterator[Place]:
    data: Any = mongomock.MongoClient()._store

    def client() -> Any:
        return mongomock.MongoClient(_store=data)

    def rows(table: str) -> list[dict[str, Any]]:
        return mongo_rows(client(), "snews_db", table)

    def opened(read_only: bool = False) -> Storage:
        return prepared(MongoStorage(client(), name="mongomock", heartbeats_kept_ns=DAY_NS, read_only=read_only))

    yield Place(opened, partial(opened, read_only=True), rows, is_transactional=False, is_swept=False)


@contextmanager
def mongodb_place(address: str) -> Iterator[Place]:
    database = f"snews_test_{uuid4().hex}"
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(address, **OPTIONS)

    def rows(table: str) -> list[dict[str, Any]]:
        return mongo_rows(client, database, table)

    def opened(read_only: bool = False) -> MongoStorage:
        made: pymongo.MongoClient[Document] = pymongo.MongoClient(address, **OPTIONS)
        return prepared(
            MongoStorage(made, name=address, heartbeats_kept_ns=DAY_NS, database=database, read_only=read_only)
        )

    with ExitStack() as stack:
        stack.callback(client.close)
        with closing(opened()) as first:
            is_swept = not first._projections._server_sweeps
        client.drop_database(database)  # nothing is there yet
        stack.callback(client.drop_database, database)
        yield Place(opened, partial(opened, read_only=True), rows, is_transactional=False, is_swept=is_swept)


def prepared(store: Store) -> Store:
    """Return a store when it can be used; close it if it cannot."""
    with ExitStack() as stack:
        stack.callback(store.close)
        store.prepare()
        stack.pop_all()
    return store


def mongo_rows(client: Any, database: str, table: str) -> list[dict[str, Any]]:
    return list(client[database][table].find({}, {"_id": False}).sort("_id", 1))


@pytest.fixture(
    scope="session", params=["sqlite", "mongomock", "ferretmock", pytest.param("mongodb", marks=pytest.mark.services)]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Return what kind of store it shall be: SQLite, mongomock as MongoDB or FerretDB, or a real server's address."""
    if request.param != "mongodb":
        return str(request.param)
    return os.environ.get("SNEWS_CS_TEST_MONGODB") or str(request.getfixturevalue("ferretdb").url)


@pytest.fixture
def place(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    # mongomock's TTL indexes shall find nothing expired (and its own clock warns from Python 3.12 on)
    monkeypatch.setattr(mongomock, "utcnow", lambda: datetime(2099, 1, 1))  # noqa: DTZ001  # what it compares with
    mend_bulk_replacing(monkeypatch)
    places = {"sqlite": sqlite_place, "mongomock": mongomock_place, "ferretmock": mongomock_place}
    if kind == "ferretmock":
        played = {**mongomock.MongoClient().server_info(), "ferretdbVersion": "played"}
        monkeypatch.setattr(mongomock.MongoClient, "server_info", lambda _: played)
    with places[kind](tmp_path) if kind in places else mongodb_place(kind) as made:
        yield made


@pytest.fixture
def storage(place: Place) -> Iterator[Storage]:
    with closing(place.open()) as opened:
        yield opened


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
