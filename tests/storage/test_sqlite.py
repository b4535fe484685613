"""What is SQLite's own: one file, several processes, transactions, and what the disk is asked for."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from snews_cs.errors import AppendConflict, SettingsError, StorageError, StoreUnreachable
from snews_cs.storage.open import open_storage
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.storage.builders import DAY_NS, T0, make_alerting, make_entries, make_entry, make_raw

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    with closing(opened(path)) as made:
        yield made


def opened(path: Path) -> SqliteStorage:
    made = SqliteStorage(path, heartbeats_kept_ns=DAY_NS)
    made.prepare()
    return made


def appender(path: Path, *, group: int, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storage.appender", str(path), str(group), str(times)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


class TestProcesses:
    """Several processes on one file."""

    def test_a_race_leaves_no_gap(self, path: Path) -> None:
        sizes = (1, 3)
        racers = [appender(path, group=size, times=40) for size in sizes]
        for racer in racers:
            racer.communicate()
        assert [racer.returncode for racer in racers] == [0, 0]
        with closing(opened(path)) as storage:
            entries = list(storage.entries())
        assert [entry.sequence for entry in entries] == list(range(1, 161))
        assert {entry.raw.topic for entry in entries} == {str(size) for size in sizes}

    def test_after_kill_9_every_group_stands_that_was_acknowledged(self, path: Path) -> None:
        with appender(path, group=7, times=100_000) as victim:
            assert victim.stdout is not None
            acknowledged = [int(victim.stdout.readline()) for _ in range(20)]
            victim.kill()
            acknowledged += [int(line) for line in victim.stdout if line.endswith("\n")]
        with closing(opened(path)) as storage:
            sequences = [entry.sequence for entry in storage.entries()]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= acknowledged[-1]
        assert len(sequences) % 7 == 0

    def test_a_locked_file_is_a_store_that_does_not_answer(self, storage: SqliteStorage, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnreachable, match="database is locked"):
                storage.append(make_entries(1, 1))
            assert storage.last_sequence() == 0
            other.execute("ROLLBACK")
        storage.append(make_entries(1, 1))

    def test_a_reader_never_waits(self, storage: SqliteStorage, path: Path) -> None:
        storage.append(make_entries(1, 2))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert [entry.sequence for entry in storage.entries()] == [1, 2]


class TestTransactions:
    """All or nothing, and the connection stays usable."""

    def test_a_conflict_leaves_no_transaction_open(self, storage: SqliteStorage, path: Path) -> None:
        storage.append(make_entries(1, 1))
        with pytest.raises(AppendConflict):
            storage.append([make_entry(2), make_entry(3, raw=make_raw(2))])
        with closing(opened(path)) as other:
            other.append(make_entries(2, 2))

    def test_a_projection_that_fails_leaves_nothing(self, storage: SqliteStorage) -> None:
        broken = make_alerting(2)
        object.__setattr__(broken, "alerts_json", ("not JSON",))
        entries = [make_alerting(1), broken]
        with pytest.raises(ValueError, match="Expecting value"):
            storage.project(entries)
        assert storage.projected() == 0
        storage.project(entries[:1])
        assert storage.projected() == 1

    def test_a_full_disk_is_a_store_that_does_not_answer(self, storage: SqliteStorage) -> None:
        pages = storage._db.execute("PRAGMA page_count").fetchone()[0]
        storage._db.execute(f"PRAGMA max_page_count = {pages + 10}")
        with pytest.raises(StoreUnreachable, match="full"):
            storage.append([make_entry(1, raw=make_raw(1, value=bytes(10**6)))])
        storage.append(make_entries(1, 1))


class TestDurability:
    """Only an append waits for the disk: fsync is most of what a message costs."""

    @pytest.fixture
    def statements(self, storage: SqliteStorage) -> list[str]:
        said: list[str] = []
        storage.append([make_alerting(1)])
        storage._db.set_trace_callback(said.append)
        return said

    def test_an_append_does(self, storage: SqliteStorage, statements: list[str]) -> None:
        storage.mark_published(1)
        statements.clear()
        storage.append(make_entries(2, 4))
        assert statements[:2] == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"]
        assert statements[-1] == "COMMIT"
        assert statements.count("COMMIT") == 1

    def test_the_rest_does_not(self, storage: SqliteStorage, statements: list[str]) -> None:
        storage.mark_published(1)
        storage.project([make_alerting(1)])
        storage.save_snapshot(1, b"state")
        storage.sweep(T0)
        assert statements.count("PRAGMA synchronous = NORMAL") == statements.count("COMMIT") == 4
        assert "PRAGMA synchronous = FULL" not in statements


class TestFiles:
    """A file that cannot be used is a fault of a setting, said in one line."""

    def _refused(self, path: Path) -> str:
        with pytest.raises(SettingsError) as refused:
            open_storage(f"sqlite:///{path}")
        assert "\n" not in str(refused.value)
        return str(refused.value)

    def test_garbage(self, path: Path) -> None:
        path.write_bytes(b"garbage, and a good deal of it " * 1000)
        assert self._refused(path) == f"DATABASE_SERVER: {path}: file is not a database"

    def test_the_database_of_another_program(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE photographs (name)")
        before = path.read_bytes()
        assert self._refused(path) == f"DATABASE_SERVER: {path} is the database of another program"
        assert path.read_bytes() == before

    def test_a_store_of_another_version(self, storage: SqliteStorage, path: Path) -> None:
        storage._db.execute("PRAGMA user_version = 99")
        assert self._refused(path) == (
            f"DATABASE_SERVER: {path} was made by another version of snews_cs (its layout is 99, this version's is 3);"
            " it stays as it is: name another store, or use that version"
        )

    def test_a_directory(self, tmp_path: Path) -> None:
        assert "unable to open database file" in self._refused(tmp_path)

    def test_a_file_that_may_not_be_written(self) -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as name:
            path = Path(name) / "store.db"
            opened(path).close()
            with unwritable(path):
                assert "readonly database" in self._refused(path)

    def test_a_damaged_file(self, storage: SqliteStorage, path: Path) -> None:
        storage.append(make_entries(1, 50))
        storage.close()
        whole = path.read_bytes()
        path.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
        with closing(opened(path)) as damaged, pytest.raises(StorageError) as error:
            list(damaged.entries())
        assert not isinstance(error.value, StoreUnreachable)
        assert str(error.value) == f"{path}: database disk image is malformed"

    def test_a_damaged_snapshot_is_passed_over(self, storage: SqliteStorage) -> None:
        storage.save_snapshot(1, b"state 1")
        storage.save_snapshot(2, b"state 2")
        storage._db.execute("UPDATE snapshots SET state = substr(state, 2) WHERE sequence = 2")
        assert storage.latest_snapshot() == (1, b"state 1")

    def test_an_entry_that_is_none(self, storage: SqliteStorage) -> None:
        storage.append(make_entries(1, 3))
        storage._db.execute('UPDATE all_mgs SET message = \'{"kind": "of another version"}\' WHERE sequence = 2')
        with pytest.raises(StorageError, match="entry 2 of the journal cannot be read"):
            list(storage.entries())

    def test_an_entry_that_somebody_deleted(self, storage: SqliteStorage) -> None:
        storage.append(make_entries(1, 3))
        storage._db.execute("DELETE FROM all_mgs WHERE sequence = 2")
        with pytest.raises(StorageError, match="entry 2 is missing before entry 3"):
            list(storage.entries())


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Take away the right to write a file; root, whom no mode stops, plays somebody else meanwhile."""
    os.chmod(path, 0o444)  # noqa: PTH101
    path.parent.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
