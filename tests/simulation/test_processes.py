"""Commands as processes: none outlives its time, and one that dies is heard."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from snews_cs.simulation.demo.processes import DemonstrationFailed, Interrupted, Processes
from snews_cs.waiting import StopRequest

BROKER = ("snews_cs", "broker", "--port", "0", "--data", "broker")


@pytest.fixture
def stop() -> StopRequest:
    return StopRequest()


@pytest.fixture
def processes(tmp_path: Path, stop: StopRequest) -> Iterator[Processes]:
    with Processes(tmp_path, os.environ, stop) as processes:
        yield processes


def test_a_service_runs_until_the_end(processes: Processes) -> None:
    broker = processes.start_service(BROKER, "broker.log")
    assert "kafka://127.0.0.1:" in processes.wait_for(broker, " is ready", 20)
    processes.pause()
    processes.close()
    assert broker.process.returncode == 0


def test_what_does_not_stop_is_killed(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.simulation.demo.processes.STOP_WITHIN_S", 0.1)
    broker = processes.start_service(BROKER, "broker.log")
    processes.wait_for(broker, " is ready", 20)
    monkeypatch.setattr(broker.process, "terminate", lambda: None)
    processes.close()
    assert broker.process.returncode == -9


def test_a_service_that_dies_is_heard_with_its_last_words(processes: Processes) -> None:
    broker = processes.start_service((*BROKER, "--partitions", "none"), "broker.log")
    with pytest.raises(DemonstrationFailed, match=r"exit code 2(?s:.)*'none' is not a valid integer"):
        processes.wait_for(broker, " is ready", 20)


def test_a_command_that_fails_is_heard(processes: Processes) -> None:
    publish = processes.start(("hop", "publish", "--no-auth", "nowhere", "missing.json"), "hop.log")
    with pytest.raises(
        DemonstrationFailed, match=r"`hop publish --no-auth nowhere missing\.json` ended with exit code 1"
    ):
        processes.wait_for_end(publish, 20)


def test_a_command_that_is_not_installed_is_named(processes: Processes) -> None:
    with pytest.raises(DemonstrationFailed, match="snews_xy is not there"):
        processes.start(("snews_xy",), "log")


def test_waiting_has_an_end(processes: Processes) -> None:
    broker = processes.start_service(BROKER, "broker.log")
    with pytest.raises(DemonstrationFailed, match=r"did not say 'what nobody says' in 0\.05 s"):
        processes.wait_for(broker, "what nobody says", 0.05)
    running = processes.start(BROKER, "other.log")
    with pytest.raises(DemonstrationFailed, match="did not end in"):
        processes.wait_for_end(running, 0.05)


def test_the_wish_to_stop_ends_every_wait(processes: Processes, stop: StopRequest) -> None:
    broker = processes.start_service(BROKER, "broker.log")
    stop.make()
    with pytest.raises(Interrupted):
        processes.wait_for(broker, "what nobody says", 20)
    processes.close()
    assert isinstance(broker.process, subprocess.Popen)
    assert broker.process.returncode is not None
