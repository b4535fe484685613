"""The stores that the contract suite runs over. One more is one more function in :data:`PLACES`."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import mongomock
import pytest

from snews_cs.storage.mongo import MongoStorage
from snews_cs.storage.protocol import Storage
from snews_cs.storage.sqlite import SqliteStorage
from snews_cs.storage.tables import COLUMNS, KINDS
from tests.storage.builders import DAY_NS

IDENTITY = {kind.table: COLUMNS[kind][0] for kind in KINDS}


@dataclass(frozen=True)
class Place:
    """Where a store keeps its data.

    Parameters
    ----------
    open
        Opens a store on the same data each time.
    rows
        Returns the rows of a projection as another program finds them there, lists and objects parsed.
    is_transactional
        Whether a group of entries stands as a whole or not at all.
    is_swept
        Whether ``sweep`` deletes what is over; else the store does so by its own clock.
    """

    open: Callable[[], Storage]
    rows: Callable[[str], list[dict[str, Any]]]
    is_transactional: bool
    is_swept: bool


def sqlite_place(directory: Path) -> Place:
    path = directory / "store.db"

    def rows(table: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(path)) as db:
            db.row_factory = sqlite3.Row
            found = db.execute(f"SELECT * FROM {table} ORDER BY {IDENTITY[table]}").fetchall()
        return [{name: _parsed(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118  # not a dict

    def opened() -> Storage:
        return SqliteStorage(path, heartbeats_kept_ns=DAY_NS)

    return Place(opened, rows, is_transactional=True, is_swept=True)


def mongomock_place(directory: Path) -> Place:
    data: Any = mongomock.MongoClient()._store

    def client() -> Any:
        return mongomock.MongoClient(_store=data)

    def rows(table: str) -> list[dict[str, Any]]:
        found = list(client()["snews_db"][table].find().sort("_id", 1))
        return [{IDENTITY[table]: row.pop("_id"), **row} for row in found]

    def opened() -> Storage:
        return MongoStorage(client(), name="mongomock", heartbeats_kept_ns=DAY_NS)

    return Place(opened, rows, is_transactional=False, is_swept=False)


@pytest.fixture(autouse=True)
def _clock_of_mongomock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mongomock's TTL indexes find nothing expired (its own clock warns from Python 3.12 on)."""
    monkeypatch.setattr(mongomock, "utcnow", lambda: datetime(2099, 1, 1))  # noqa: DTZ001  # what it compares with


PLACES: dict[str, Callable[[Path], Place]] = {"sqlite": sqlite_place, "mongomock": mongomock_place}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def storage(place: Place) -> Iterator[Storage]:
    with closing(place.open()) as opened:
        yield opened


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
