"""display-heartbeats: the table comes in the log, from a thread that nobody waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Disposition, Outcome
from snews_cs.errors import StoreUnreachable
from snews_cs.heartbeats.display import HeartbeatDisplay
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import DisplayHeartbeats, Heartbeat, Message
from snews_cs.server.observer import Standing
from snews_cs.storage.entry import Entry
from snews_cs.storage.open import open_reader, open_storage
from snews_cs.storage.protocol import StoreReader
from tests.storage.builders import DAY_NS, T0, make_entry, make_refused

OFFLINE_AFTER_NS = 600 * NS_PER_S


def asking(disposition: Disposition = Disposition.NOTED) -> Entry:
    """Return the entry of a command."""
    command = DisplayHeartbeats(detector_name="JUNO", message_uuid="c")
    return make_entry(9, message=command, outcome=Outcome(disposition=disposition))


def beat(name: str, *, is_test: bool = False, latency_ns: int = 0) -> Message:
    return Heartbeat(detector_name=name, message_uuid="", status="ON", is_test=is_test, machine_time_ns=T0 - latency_ns)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Return the address of a store with heartbeats, a minute apart."""
    address = f"sqlite:///{tmp_path / 'store.sqlite'}"
    said = [beat("JUNO"), beat("JUNO"), beat("LVD"), beat("JUNO"), beat("JUNO", is_test=True)]
    entries = [make_entry(n, message=each, received_ns=T0 + 60 * n * NS_PER_S) for n, each in enumerate(said, 1)]
    with closing(open_storage(address)) as storage:
        storage.prepare()
        storage.append(entries)
        storage.project(entries)
    return address


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """Give the lines of the log."""
    with capture_logs() as captured:
        yield captured


@contextmanager
def store_at(address: str) -> Iterator[StoreReader]:
    with closing(open_reader(address)) as store:
        yield store


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def shown(lines: list[EventDict]) -> int:
    return sum(line["event"] == "heartbeats shown" for line in lines)


def display(address: str) -> HeartbeatDisplay:
    return HeartbeatDisplay(
        lambda: store_at(address),
        ["JUNO", "LVD", "KamLAND"],
        offline_after_ns=OFFLINE_AFTER_NS,
        now=lambda: T0 + 270 * NS_PER_S,
    )


def tell(made: HeartbeatDisplay, *entries: Entry) -> None:
    """Tell what the loop tells in a round."""
    made.journaled(entries)
    made.round_done(Standing(sequence=len(entries)), Engine())


def test_the_table(address: str, lines: list[EventDict]) -> None:
    with display(address) as made:
        tell(made, make_entry(8), asking())
        wait_for(lambda: shown(lines) == 1)
    common = {"event": "heartbeats", "log_level": "info", "status": "ON"}
    assert lines == [
        {
            **common,
            "detector": "JUNO",
            "last": "2100-01-01T00:04:00.000000000Z",
            "ago_s": 30.0,
            "beats": 3,
            "interval_s": 90.0,
            "spread_s": 30.0,
            "latency_s": 120.0,
            "missed": 0,
        },
        {
            **common,
            "detector": "LVD",
            "last": "2100-01-01T00:03:00.000000000Z",
            "ago_s": 90.0,
            "beats": 1,
            "latency_s": 180.0,
            "missed": 0,
        },
        {
            **common,
            "detector": "JUNO",
            "last": "2100-01-01T00:05:00.000000000Z",
            "ago_s": -30.0,
            "beats": 1,
            "latency_s": 300.0,
            "missed": 0,
            "test": True,
        },
        {"event": "heartbeats shown", "log_level": "info", "detectors": 2, "not_heard_for_a_day": "KamLAND"},
    ]


def test_the_store_is_asked_when_the_round_is_done(address: str, lines: list[EventDict]) -> None:
    with display(address) as made:
        made.journaled([asking()])
        made.journaled([make_entry(1)])
        assert not made._asked.is_set()
        made.round_done(Standing(sequence=2), Engine())
        wait_for(lambda: shown(lines) == 1)


def test_only_a_command_that_is_obeyed_shows_it(address: str, lines: list[EventDict]) -> None:
    with display(address) as made:
        tell(made, make_entry(1), make_refused(2, "the password is wrong"), asking(Disposition.DUPLICATE))
        tell(made, asking())
        wait_for(lambda: shown(lines) == 1)
    assert shown(lines) == 1


def test_a_store_that_is_away_is_told_and_asked_again_next_time(address: str, lines: list[EventDict]) -> None:
    class Away:
        is_away = True

    @contextmanager
    def opened() -> Iterator[StoreReader]:
        if Away.is_away:
            raise StoreUnreachable("the store is away")
        with store_at(address) as store:
            yield store

    with HeartbeatDisplay(opened, [], offline_after_ns=OFFLINE_AFTER_NS, now=lambda: T0) as made:
        tell(made, asking())
        wait_for(lambda: bool(lines))
        assert lines == [
            {"event": "heartbeats cannot be shown", "log_level": "error", "error": "the store is away"},
        ]
        Away.is_away = False
        tell(made, asking())
        wait_for(lambda: shown(lines) == 1)


def test_nobody_waits_for_a_store_that_hangs(address: str, lines: list[EventDict]) -> None:
    asked, released = threading.Event(), threading.Event()

    @contextmanager
    def opened() -> Iterator[StoreReader]:
        asked.set()
        assert released.wait(60)
        with store_at(address) as store:
            yield store

    with HeartbeatDisplay(opened, [], offline_after_ns=OFFLINE_AFTER_NS, now=lambda: T0) as made:
        tell(made, asking())
        assert asked.wait(30)
        for _ in range(50):
            tell(made, asking())
        assert lines == []
        released.set()
        wait_for(lambda: shown(lines) == 2)
    assert shown(lines) == 2


def test_what_was_heard_longer_than_a_day_ago_is_not_looked_through(address: str, lines: list[EventDict]) -> None:
    with HeartbeatDisplay(
        lambda: store_at(address),
        ["JUNO", "LVD"],
        offline_after_ns=OFFLINE_AFTER_NS,
        now=lambda: T0 + 200 * NS_PER_S + DAY_NS,
    ) as made:
        tell(made, asking())
        wait_for(lambda: shown(lines) == 1)
    assert [(line["detector"], line["beats"]) for line in lines[:-1]] == [("JUNO", 1), ("JUNO", 1)]
    assert lines[-1]["not_heard_for_a_day"] == "LVD"
