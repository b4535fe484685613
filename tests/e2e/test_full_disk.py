"""The disk under the store is full, perhaps that under the spool, too: alerts go out, and nothing is half written.

The process may write no further than so far into any file (``RLIMIT_FSIZE``), which is how a full disk looks to it. The
spool's log is shorter than the store's.
"""

import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.test_store_away import BACK, check_end
from tests.support.broker import Broker
from tests.support.server import ServerProcess
from tests.support.system import System, observation

MORE = ("LVD", "IceCube", "KamLAND", "Super-K")


@pytest.fixture
def system(embedded_broker: Broker, tmp_path: Path) -> Iterator[System]:
    """Give a server's surroundings."""
    with closing(System(embedded_broker, tmp_path)) as made:
        yield made


def limit(server: ServerProcess, most: int = resource.RLIM_INFINITY) -> None:
    """Let a server's files be no longer than so many bytes."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most, hard))


def written(store: Path) -> int:
    """Return how long the store's write-ahead log is."""
    return store.with_name(f"{store.name}-wal").stat().st_size


@pytest.mark.parametrize("room", [None, 0, 6_000], ids=["nothing at all", "before a transaction", "within one"])
@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
def test_a_full_disk(system: System, room: int | None, *, dies: bool) -> None:
    server = system.start()
    system.publish(observation("JUNO"))
    server.wait_for("observation")
    limit(server, 0 if room is None else written(system.store) + room)
    for count, detector in enumerate(("XENONnT", *MORE), 1):
        system.publish(observation(detector, count / 10))
        server.wait_for("PUBLISHING AN ALERT")
    assert len(system.alerts(5)) == 5
    server.wait_for("DEGRADED")
    if dies:
        server.kill()
        server = system.start()
    else:
        limit(server)
        server.wait_for(BACK)
    system.publish(observation("LZ", 1))
    server.wait_for("PUBLISHING AN ALERT", lambda line: "LZ" in line["detectors"])
    assert server.stop() == 0
    check_end(system, 6)
