"""Programs that run as long as the server does, and end with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.broker.process import STOP_TIMEOUT
from snews_cs.cli import companions
from snews_cs.cli.companions import Companions
from snews_cs.waiting import StopRequest
from tests.streams.conftest import wait_for

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {}; time.sleep(600)"


@pytest.fixture
def stop() -> StopRequest:
    return StopRequest()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "_FIRST_PAUSE_S", 0.01)


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def counting(path: Path, code: str = "") -> list[str]:
    """Return a program that adds a line to a file, and goes on with some code."""
    return program(f"print('x', file=open({str(path)!r}, 'a'), flush=True)\n{code}")


def lines_in(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_who_ends_is_started_again_after_longer_and_longer_pauses(stop: StopRequest, tmp_path: Path) -> None:
    with capture_logs() as lines, Companions(stop) as running:
        running.start_program("it", counting(tmp_path / "starts", "raise SystemExit(7)"))
        wait_for(lambda: lines_in(tmp_path / "starts") >= 4)
    ended = [line for line in lines if line["event"] == "a companion ended: starting it again"]
    assert [line["again_in_s"] for line in ended][:3] == [0.01, 0.02, 0.04]
    assert {line["exit_code"] for line in ended} == {7}


def test_who_is_killed_is_started_again(stop: StopRequest, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"import os, time; print(os.getpid(), file=open({str(pids)!r}, 'a'), flush=True); time.sleep(600)"
    with Companions(stop) as running:
        running.start_program("it", program(code))
        wait_for(lambda: lines_in(pids) == 1)
        os.kill(int(pids.read_text()), signal.SIGKILL)
        wait_for(lambda: lines_in(pids) == 2)
    assert not any(is_there(int(pid)) for pid in pids.read_text().split())


def test_who_cannot_use_its_settings_is_not_started_again(stop: StopRequest, tmp_path: Path) -> None:
    with capture_logs() as lines, Companions(stop) as running:
        running.start_program("it", counting(tmp_path / "starts", "raise SystemExit(2)"))
        wait_for(lambda: any(line["log_level"] == "error" for line in lines))
        running.start_program("another", counting(tmp_path / "others"))
        wait_for(lambda: lines_in(tmp_path / "others") >= 3)
        assert running.warnings() == ["it cannot use its settings: it does not run"]
    assert lines_in(tmp_path / "starts") == 1
    assert [line["event"] for line in lines if line["companion"] == "it" and line["log_level"] == "error"] == [
        "ALARM: a companion cannot use its settings: it is not started again"
    ]


def test_what_cannot_be_started_is_tried_again(stop: StopRequest, tmp_path: Path) -> None:
    path = tmp_path / "program"
    with Companions(stop) as running:
        running.start_program("it", [str(path)])
        path.with_suffix(".new").write_text(f"#!/bin/sh\necho x > {tmp_path / 'started'}\n")
        path.with_suffix(".new").chmod(0o700)
        path.with_suffix(".new").rename(path)
        wait_for((tmp_path / "started").exists)


@pytest.mark.parametrize("told", [StopRequest.make, lambda _stop: None], ids=["told to stop", "ended by an error"])
def test_it_ends_with_the_server(stop: StopRequest, tmp_path: Path, told: Callable[[StopRequest], None]) -> None:
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    code = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(ended)!r}).touch(), sys.exit(0)))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)"
    )
    with capture_logs() as lines, Companions(stop) as running:
        running.start_program("it", program(code))
        wait_for(ready.exists)
        told(stop)
    assert ended.exists()
    assert [line["event"] for line in lines] == ["companion started"]


def test_who_does_not_hear_is_killed(stop: StopRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "END_WITHIN_S", 0.1)
    ready = tmp_path / "ready"
    with capture_logs() as lines, Companions(stop) as running:
        running.start_program("it", program(DEAF.format(f"open({str(ready)!r}, 'w')")))
        wait_for(ready.exists)
        pid = next(line["pid"] for line in lines)
    assert [line["event"] for line in lines][1:] == ["a companion did not end in time: killing it"]
    assert not is_there(pid)


def test_there_is_time_to_kill_all_of_them_and_then_the_broker() -> None:
    five_s = 5.0  # within which a server that is told to stop ends
    assert five_s > companions.END_WITHIN_S + STOP_TIMEOUT


def test_nothing_is_started_after_the_wish_to_stop(stop: StopRequest, tmp_path: Path) -> None:
    stop.make()
    with Companions(stop) as running:
        running.start_program("it", counting(tmp_path / "starts"))
    assert lines_in(tmp_path / "starts") == 0


def test_its_standard_input_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    told, ended = tmp_path / "told", tmp_path / "ended"
    companion = (
        "import pathlib, sys; told, ended = map(pathlib.Path, sys.argv[1:])\n"
        "told.touch(); sys.stdin.read(); ended.touch()"
    )
    command = [*program(companion), str(told), str(ended)]
    server = (
        "import time\n"
        "from snews_cs.cli.companions import Companions\n"
        "from snews_cs.waiting import StopRequest\n"
        f"Companions(StopRequest()).start_program('it', {command!r})\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen(program(server), stdin=subprocess.DEVNULL)
    try:
        wait_for(told.exists)
    finally:
        process.kill()
        process.wait()
    wait_for(ended.exists)


def test_it_is_less_urgent_than_the_server(stop: StopRequest, tmp_path: Path) -> None:
    path = tmp_path / "nice"
    code = f"import os, time; time.sleep(0.2); print(os.getpriority(os.PRIO_PROCESS, 0), file=open({str(path)!r}, 'w'))"
    with Companions(stop) as running:
        running.start_program("it", program(code))
        wait_for(lambda: lines_in(path))
        assert int(path.read_text()) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
