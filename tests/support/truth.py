"""What must be true of a journal and of the topics, whatever happened to the servers that wrote them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pymongo

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.storage.entry import Entry
from snews_cs.storage.open import open_reader, open_storage
from snews_cs.storage.tables import COLUMNS, KINDS
from tests.support.fold import check_fold
from tests.support.server import check_alert


def read_journal(store: Path | str) -> list[Entry]:
    """Return all entries of a store: a SQLite file, or whatever has that address (``DATABASE_SERVER``)."""
    with closing(open_reader(store if isinstance(store, str) else f"sqlite:///{store}")) as storage:
        return list(storage.entries())


def read_rows(store: str, table: str) -> list[dict[str, Any]]:
    """Return the rows of a projection, as another program finds them in the store of that address."""
    if store.startswith("mongodb:"):
        with pymongo.MongoClient[dict[str, Any]](store) as client:
            return list(client["snews_db"][table].find())
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT * FROM {table}")]


def check_journal(entries: Sequence[Entry]) -> Engine:
    """Fail unless the journal is gapless, holds no message twice, and is the engine's fold; return that engine."""
    assert len({entry.key for entry in entries}) == len(entries)
    return check_fold(entries)


def check_projections(store: str, entries: Sequence[Entry], fresh: Path) -> None:
    """Fail unless the projections of a SQLite store are what the journal makes of them anew, in a ``fresh`` one."""
    with closing(open_storage(f"sqlite:///{fresh}")) as storage:
        storage.append(entries)
        storage.project(entries)
    for kind in KINDS:
        found, made = (
            {row[COLUMNS[kind][0]]: row for row in read_rows(each, kind.table)}
            for each in (store, f"sqlite:///{fresh}")
        )
        assert found == made, kind.table


def alerts_of(entries: Sequence[Entry], *, tests: bool = False) -> list[Alert]:
    """Return the alerts of a journal in order: the real ones, or those of ``tests``."""
    decided = [alert for entry in entries if entry.outcome for alert in entry.outcome.alerts]
    return [alert for alert in decided if alert.cache.is_test == tests]


def check_alerts(entries: Sequence[Entry], delivered: Sequence[dict[str, Any]], *, tests: bool = False) -> int:
    """Fail unless a topic holds exactly the journal's alerts, repeats apart; return how many were repeats.

    ``tests``: whether it is the topic of tests, not of real alerts.
    """
    decided = alerts_of(entries, tests=tests)
    first: dict[str, dict[str, Any]] = {}
    for alert in delivered:
        check_alert(alert)
        assert first.setdefault(alert["alert_uuid"], alert) == alert, "one alert_uuid with two contents"
    assert list(first) == [alert.alert_uuid for alert in decided]
    revisions: dict[str, int] = {}
    for alert in first.values():
        assert alert["revision"] == revisions.get(alert["event_id"], 0) + 1
        revisions[alert["event_id"]] = alert["revision"]
    return len(delivered) - len(first)
