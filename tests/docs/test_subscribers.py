"""The program on the subscribers' page, beside a server: it tells once of what is news, and believes what is true."""

import re
import signal
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

import pytest

from tests.docs.pages import DOCS, blocks
from tests.support.server import PATIENCE_S
from tests.support.system import System, observation

PROGRAM = DOCS / "examples" / "follow_events.py"
LAST_LINE = "  events that stand now: "
FIRST = ["INITIAL", "INITIAL", "UPDATE"]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


class Follower:
    """The program at work."""

    def __init__(self, url: str, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), url, "--no-auth"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.printed: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def wait_for_news(self, count: int) -> list[str]:
        """Wait until it has told of so many alerts, and return what it printed."""
        while sum(line.startswith(LAST_LINE) for line in self.printed) < count:
            try:
                self.printed.append(self._lines.get(timeout=PATIENCE_S))
            except Empty:
                raise AssertionError(f"no more is told than {self.printed}") from None
        return self.printed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            assert self._process.wait(PATIENCE_S) == 0
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()
        self.printed += list(self._lines.queue)


def test_the_program_tells_once_of_what_is_news(system: System, tmp_path: Path) -> None:
    system.start()
    with Follower(system.topics["alert"], tmp_path) as follower:
        for content in (
            observation("Super-K"),
            observation("XENONnT", 9),
            observation("IceCube", 11),  # with XENONnT: an event of its own
            observation("Super-K", 1),  # refined: now all of them are one event
        ):
            system.publish(content)
        follower.wait_for_news(3)
        for alert in system.alerts(3):  # as a server does that died before it could note that they are out
            system.publish(alert, topic="alert")
        for noise in (b"\xff", b"[]", b'{"_id": "0_test-connection"}', None):
            system.publish(noise, topic="alert")
        system.publish(retraction("IceCube"))
        system.publish(retraction("Super-K"))
        follower.wait_for_news(5)
    stood = [content["alert_type"] for content in system.alerts(9) if "alert_type" in content]
    assert stood == [*FIRST, *FIRST, "UPDATE", "RETRACTION"]
    (shown,) = blocks(DOCS / "subscribers.md", "text", section="A program that does this")
    assert _anonymous(follower.printed) == _anonymous(shown.splitlines())

    system.publish(observation("JUNO", 60))
    system.publish(observation("LVD", 61))
    with Follower(system.topics["alert"], tmp_path) as follower:
        first, *_ = follower.wait_for_news(1)
    assert first.startswith("INITIAL ")
    assert [line.split()[0] for line in follower.printed[1:3]] == ["JUNO", "LVD"]
    assert follower.printed[3:] == ["  events that stand now: 1", "ended"]


def test_it_tells_of_tests_on_their_topic(system: System, tmp_path: Path) -> None:
    system.start()
    system.publish({"_id": "0_test-connection", "detector_name": "JUNO", "status": "sending", "meta": {}})
    system.publish(observation("JUNO", is_test=True))
    system.publish(observation("LVD", 1, is_test=True))
    with Follower(system.topics["testing"], tmp_path) as follower:
        first, *_ = follower.wait_for_news(1)
    assert first.startswith("TEST INITIAL ")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Its memory, empty."""
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return import_module(PROGRAM.stem).Events(tmp_path / "events.json")


def an_alert(event_id: str, revision: int, kind: str = "UPDATE", *, merged: str = "", degraded: bool = False) -> Any:
    merged_event_ids = merged.split()
    known = {"event_id": event_id, "revision": revision, "alert_type": kind}
    return {**known, "merged_event_ids": merged_event_ids, "degraded": degraded}


def test_what_is_late_is_no_news(events: Any) -> None:
    events.keep(an_alert("one", 3))
    assert [events.is_news(an_alert("one", revision)) for revision in (1, 2, 3, 4)] == [False, False, False, True]


def test_a_merged_event_is_over_even_if_nobody_heard_of_it(events: Any) -> None:
    events.keep(an_alert("one", 2, merged="two"))
    assert not events.is_news(an_alert("two", 1, "INITIAL"))
    assert [alert["event_id"] for alert in events.standing()] == ["one"]


def test_what_a_server_alone_said_to_be_merged_may_stand_again(events: Any) -> None:
    events.keep(an_alert("two", 1, "INITIAL"))
    events.keep(an_alert("one", 2, merged="two", degraded=True))
    assert [alert["event_id"] for alert in events.standing()] == ["one"]
    assert not events.is_news(an_alert("two", 1, "INITIAL"))
    assert events.is_news(an_alert("two", 2))
    events.keep(an_alert("two", 2))
    assert [alert["event_id"] for alert in events.standing()] == ["two", "one"]


def retraction(detector: str) -> dict[str, Any]:
    return {"tier": "Retraction", "detector_name": detector, "retract_latest_n": 1}


def _anonymous(lines: list[str]) -> list[str]:
    """Return lines in which events are called by the order in which they appear, and times are left out."""
    text = "\n".join(lines)
    for number, uuid in enumerate(dict.fromkeys(_UUID.findall(text))):
        text = text.replace(uuid, f"event {number}")
    return _TIME.sub("TIME", text).splitlines()
