"""A disk that is full: nothing is half written, what is there can be read, and it goes on when there is room again."""

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.open import open_storage
from snews_cs.storage.protocol import Storage
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.storage.builders import DAY_NS, make_alert, make_alerting, make_entry, make_raw

GROUP = 7
ROOM = 2**20


class Disk(NamedTuple):
    """A directory, and what lets its disk be full for a while."""

    path: Path
    full: Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["a small disk", "a limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """Give a disk of 1 MiB, if one can be mounted; or else files that may not grow beyond that."""
    if request.param == "a limit":
        yield Disk(tmp_path, files_limited)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(tmp_path)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip()}")
    try:
        yield Disk(tmp_path, lambda: filled(tmp_path / "ballast"))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@contextmanager
def filled(ballast: Path) -> Iterator[None]:
    """Let a file take all the room that is left."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    yield
    ballast.unlink()


@contextmanager
def files_limited() -> Iterator[None]:
    """Let no file of this process grow beyond the first few pages that a store has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM // 16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def append_group(storage: Storage, after: int) -> None:
    """Append some entries, the first of which has an alert."""
    rest = [make_entry(n, raw=make_raw(n, value=bytes(1_000))) for n in range(after + 2, after + GROUP + 1)]
    storage.append([make_alerting(after + 1, make_alert()), *rest])


def fill(storage: Storage) -> int:
    """Append groups until the store fails; return how many entries stood then."""
    end = storage.last_sequence()
    while True:
        try:
            append_group(storage, end)
        except StoreUnreachable:
            return end
        end += GROUP


@pytest.fixture
def storage(disk: Disk) -> Iterator[SqliteStorage]:
    with closing(opened(disk)) as made:
        made.prepare()
        append_group(made, 0)
        made.save_snapshot(GROUP, b"state")
        yield made


def opened(disk: Disk) -> SqliteStorage:
    return SqliteStorage(disk.path / "store.db", heartbeats_kept_ns=DAY_NS)


def test_a_group_stands_or_it_does_not(disk: Disk, storage: SqliteStorage) -> None:
    with disk.full():
        end = fill(storage)
        for _ in range(2):
            assert fill(storage) == end
        assert [entry.sequence for entry in storage.entries()] == list(range(1, end + 1))
    append_group(storage, end)
    with closing(opened(disk)) as again:
        again.prepare()
        assert [entry.sequence for entry in again.entries()] == list(range(1, end + GROUP + 1))


def test_whatever_fails_can_be_done_later(disk: Disk, storage: SqliteStorage) -> None:
    with disk.full():
        end = fill(storage)
        done = [done_now(lambda: storage.mark_published(1)), done_now(lambda: storage.save_snapshot(end, bytes(ROOM)))]
        assert not done[1]
        assert list(storage.unmarked([1])) == ([] if done[0] else [1])
        assert storage.latest_snapshot() == (GROUP, b"state")
        assert not done_now(lambda: storage.project(list(storage.entries())))
        assert storage.projected() == 0
    assert storage.mark_published(1) is not done[0]
    storage.save_snapshot(end, b"later")
    storage.project(list(storage.entries()))
    assert (storage.latest_snapshot(), storage.projected()) == ((end, b"later"), end)


def test_it_is_emptied_or_it_is_not(disk: Disk, storage: SqliteStorage) -> None:
    with disk.full():
        end = fill(storage)
        is_empty = done_now(storage.drop)
        assert storage.last_sequence() == (0 if is_empty else end)
        assert storage.latest_snapshot() == (None if is_empty else (GROUP, b"state"))
    storage.drop()
    append_group(storage, 0)
    assert storage.last_sequence() == GROUP


def test_a_server_may_start_meanwhile(disk: Disk) -> None:
    with disk.full(), closing(open_storage(f"sqlite:///{disk.path}/store.db")) as storage:
        assert not done_now(storage.prepare)
    with closing(open_storage(f"sqlite:///{disk.path}/store.db")) as storage:
        assert storage.last_sequence() == 0


def test_a_server_may_start_again_meanwhile(disk: Disk, storage: SqliteStorage) -> None:
    with disk.full():
        end = fill(storage)
        storage.close()
        with closing(open_storage(f"sqlite:///{disk.path}/store.db")) as again:
            if done_now(again.prepare):
                assert [entry.sequence for entry in again.entries()] == list(range(1, end + 1))
                assert fill(again) == end
    with closing(opened(disk)) as again:
        again.prepare()
        append_group(again, end)


def done_now(what: Callable[[], object]) -> bool:
    """Whether it could be done; if not, the store said that it does not answer."""
    try:
        what()
    except StoreUnreachable:
        return False
    return True
