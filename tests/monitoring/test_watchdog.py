"""What systemd is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from snews_cs.monitoring.watchdog import Watchdog
from tests.monitoring.conftest import AWAY, Watched
from tests.server.conftest import lines  # noqa: F401
from tests.support.systemd import Systemd


@pytest.fixture
def address(tmp_path: Path) -> Path:
    """Give the place of a socket."""
    return tmp_path / "notify"


@pytest.fixture
def systemd(address: Path) -> Iterator[Systemd]:
    """Give a systemd that listens there."""
    with Systemd(str(address)) as systemd:
        yield systemd


def test_a_life(address: Path, systemd: Systemd) -> None:
    watched = Watched(notify=address)
    watched.monitor.ready()
    assert systemd.heard() == ["READY=1"]
    watched.round()
    assert systemd.heard() == ["STATUS=OK", "WATCHDOG=1"]
    watched.round(0.5)
    assert systemd.heard() == []
    watched.round(0.5)
    assert systemd.heard() == ["WATCHDOG=1"]
    watched.round(0.1, degraded="the store\nis away")
    assert systemd.heard() == ["STATUS=DEGRADED: the store is away"]
    watched.monitor.stopping()
    assert systemd.heard() == ["STOPPING=1"]
    watched.watchdog.close()


def test_a_journal_that_is_opened_for_long_is_no_loop_that_stands(address: Path, systemd: Systemd) -> None:
    watched = Watched(notify=address)
    watched.monitor.opening()
    assert systemd.heard() == ["STATUS=starting: the journal is not restored yet", "WATCHDOG=1"]
    for _ in range(10):
        watched.passes(0.5)
        watched.monitor.opening()
    assert systemd.heard() == ["WATCHDOG=1"] * 5
    watched.watchdog.close()


def test_only_the_loop_feeds_it(address: Path, systemd: Systemd) -> None:
    watched = Watched(notify=address)
    watched.monitor.ready()
    watched.round()
    systemd.heard()
    watched.topic.is_open, watched.topic.problem = False, AWAY
    watched.passes(60)
    watched.monitor.problems()
    watched.monitor.journaled([])
    watched.value("snews_cs_ready")
    assert systemd.heard() == []
    watched.watchdog.close()


def test_an_abstract_socket() -> None:
    name = "snews_cs-test-watchdog"
    systemd = Systemd("\0" + name)
    watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": "@" + name}, lambda: 0.0)
    watchdog.ready()
    assert systemd.heard() == ["READY=1"]
    watchdog.close()
    systemd.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_systemd_nobody_is_told(environment: dict[str, str]) -> None:
    watchdog = Watchdog.from_environment(environment, lambda: 0.0)
    watchdog.ready()
    watchdog.feed("OK")
    watchdog.close()


def test_a_systemd_that_is_away_is_told_again(address: Path, lines: list[dict[str, object]]) -> None:  # noqa: F811
    times = iter((0.0, 1.0, 2.0, 3.0))
    watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": str(address)}, lambda: next(times))
    watchdog.ready()
    watchdog.feed("OK")
    assert [line["event"] for line in lines] == ["systemd cannot be told how the server is"]
    systemd = Systemd(str(address))
    watchdog.feed("OK")
    assert systemd.heard() == ["WATCHDOG=1"]
    watchdog.close()
    systemd.close()
