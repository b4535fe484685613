"""Notes: each is written once, whoever else tries at the same time."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import mongomock
import pymongo
import pytest

from snews_cs.errors import SettingsError, StorageError, StoreUnreachable
from snews_cs.storage.mongo.documents import Document
from snews_cs.storage.mongo.notes import MongoNotes
from snews_cs.storage.mongo.store import OPTIONS
from snews_cs.storage.notes import Notes, SqliteNotes
from snews_cs.storage.open import open_notes

Opened = Callable[[], Notes]


@pytest.fixture
def opened(kind: str, tmp_path: Path) -> Iterator[Opened]:
    """Return what opens the same notes each time."""
    if kind == "sqlite":
        yield lambda: SqliteNotes(tmp_path / "notes.sqlite")
    elif kind.startswith("mongodb://"):
        database = f"snews_test_{uuid4().hex}"
        yield lambda: MongoNotes(pymongo.MongoClient(kind, **OPTIONS), name=kind, database=database)
        with closing(pymongo.MongoClient[Document](kind, **OPTIONS)) as client:
            client.drop_database(database)
    else:
        data: Any = mongomock.MongoClient()._store
        yield lambda: MongoNotes(mongomock.MongoClient(_store=data), name=kind)


@pytest.fixture
def notes(opened: Opened) -> Iterator[Notes]:
    with closing(opened()) as found:
        yield found


def test_there_is_nothing_at_first(notes: Notes) -> None:
    assert notes.get("name") is None


@pytest.mark.parametrize("name", ["plain", "with blanks/and.$ignes", "unübersehbar", "x" * 500])
def test_the_first_text_stays(notes: Notes, opened: Opened, name: str) -> None:
    assert notes.add(name, "first\n")
    assert not notes.add(name, "second")
    with closing(opened()) as other:
        assert other.get(name) == "first\n"
        assert other.get(name + "!") is None


def test_of_many_at_once_one_writes(kind: str, opened: Opened) -> None:
    def add(text: str) -> bool:
        with closing(opened()) as own:
            return own.add("name", text)

    at_once = 1 if "mock" in kind else 4  # mongomock looks and then writes, and both are interrupted
    with ThreadPoolExecutor(at_once) as pool:
        assert sum(pool.map(add, "abcdefgh")) == 1


def test_the_notes_of_a_file_are_beside_it(tmp_path: Path) -> None:
    for firedrill, name in ((False, "store-notes.db"), (True, "store-firedrill-notes.db")):
        with closing(open_notes(f"sqlite:///{tmp_path}/store.db", firedrill=firedrill)) as notes:
            assert notes.add("name", name)
        with closing(SqliteNotes(tmp_path / name)) as found:
            assert found.get("name") == name


def test_what_cannot_be_opened_is_the_fault_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "store-notes.db").write_bytes(b"This is no database. " * 50)
    with pytest.raises(SettingsError, match=r"DATABASE_SERVER: .*store-notes\.db: file is not a database"):
        open_notes(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(SettingsError, match="DATABASE_SERVER is neither"):
        open_notes("postgres://x")


def test_a_file_that_another_process_holds_up_may_be_had_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.storage.notes.TIMEOUT_S", 0.05)
    address = f"sqlite:///{tmp_path}/store.db"
    open_notes(address).close()
    with closing(sqlite3.connect(tmp_path / "store-notes.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnreachable, match="database is locked"):
            open_notes(address)
        other.execute("ROLLBACK")
    with closing(open_notes(address)) as notes:
        assert notes.add("name", "text")


def test_who_does_not_answer_says_so() -> None:
    with ExitStack() as stack:
        notes = stack.enter_context(closing(open_notes("mongodb://127.0.0.1:1/")))
        for ask in (lambda: notes.get("name"), lambda: notes.add("name", "text")):
            with pytest.raises(StorageError, match=r"MongoDB at 127\.0\.0\.1:1 does not answer"):
                ask()
