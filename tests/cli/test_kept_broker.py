"""The embedded broker of a server is there as long as the server is."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.broker.process import BrokerNotStarted, BrokerProcess, start_broker
from snews_cs.cli import kept_broker
from snews_cs.cli.kept_broker import KeptBroker
from tests.streams.conftest import wait_for
from tests.support.ports import free_port, listens


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_broker, "_FIRST_PAUSE_S", 0.01)


def test_a_broker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    port, failures = free_port(), [BrokerNotStarted("not now")]

    def start() -> BrokerProcess:
        if started and failures:
            raise failures.pop()
        started.append(port)
        return start_broker(tmp_path / "broker", port=port)

    started: list[int] = []
    with capture_logs() as lines, closing(KeptBroker(start)) as kept:
        first = kept.pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: kept.pid != first and listens(port))
    assert not listens(port)
    assert [line["event"] for line in lines] == [
        "ALARM: the embedded broker ended: starting it again",
        "the embedded broker cannot be started",
        "ALARM: the embedded broker ended: starting it again",
    ]
    assert {line.get("exit_code", -signal.SIGKILL) for line in lines} == {-signal.SIGKILL}


def test_one_that_is_closed_is_not(tmp_path: Path) -> None:
    with capture_logs() as lines, closing(KeptBroker(lambda: start_broker(tmp_path / "broker"))):
        pass
    assert lines == []
