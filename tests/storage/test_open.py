"""From ``DATABASE_SERVER`` to a store; every fault of it in one line that shows no password."""

from contextlib import closing
from pathlib import Path

import pytest

from snews_cs.errors import SettingsError, StorageError
from snews_cs.storage.open import open_reader, open_storage
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.storage.builders import make_entries


def test_sqlite_by_absolute_path(tmp_path: Path) -> None:
    with closing(open_storage(f"sqlite:///{tmp_path}/made/for it/store.db")) as storage:
        assert isinstance(storage, SqliteStorage)
    assert (tmp_path / "made" / "for it" / "store.db").is_file()


def test_sqlite_by_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_storage("sqlite:///data/store.db")) as storage:
        storage.append(make_entries(1, 1))
    with closing(open_storage(f"sqlite:///{tmp_path}/data/store.db")) as storage:
        assert storage.last_sequence() == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "store.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgresql://user:secret@localhost/snews",
        "mongodb://",
        "mongodb://user:secret@localhost:port",
        "mongodb://user:sec@ret:x/y@localhost",
        "mongodb://user:secret@localhost/?w=majority&tls=perhaps",
        "mongodb://user:secret@localhost/?retryWrite=yes",
    ],
)
def test_addresses_that_cannot_be_used(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_SERVER") as refused:
        open_storage(address)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"cannot make the directory .*: (Not a directory|File exists)"):
        open_storage(f"sqlite:///{tmp_path}/file/store.db")


def test_drills_and_real_observations_never_share_a_store(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'store.sqlite'}"
    for firedrill in (False, True):
        open_storage(address, firedrill=firedrill).close()
    assert {"store.sqlite", "store-firedrill.sqlite"} <= {path.name for path in tmp_path.iterdir()}


def test_a_missing_file_is_not_made_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_SERVER: there is no store at .*store\.db$"):
        open_reader(f"sqlite:///{tmp_path}/there/store.db")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_a_file_cannot_write(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/it's 100%?.db"
    open_storage(address).close()
    before = (tmp_path / "it's 100%?.db").read_bytes()
    with closing(open_reader(address)) as reader:
        assert isinstance(reader, SqliteStorage)
        with pytest.raises(StorageError, match="readonly"):
            reader.append(make_entries(1, 1))
    assert (tmp_path / "it's 100%?.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"something else\n" * 100])
def test_what_is_no_store_is_not_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^DATABASE_SERVER: .*store\.db"):
        open_reader(f"sqlite:///{tmp_path}/store.db")
    assert (tmp_path / "store.db").read_bytes() == content
