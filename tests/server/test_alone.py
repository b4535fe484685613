"""The store is away: the server decides alone, at once, and keeps what it has decided on its own disk."""

from itertools import pairwise

import pytest
from structlog.typing import EventDict

from snews_cs.server.spool import MOST_UNWRITTEN
from tests.server.conftest import House, OpenHouse, asked, said, seen
from tests.server.ending import check_end
from tests.support.flaky import away

FIRST, SECOND, THIRD = seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2)


def out(house: House) -> list[tuple[int, bool]]:
    """Return revision and ``degraded`` of each alert on the topic."""
    return [(alert["revision"], alert["degraded"]) for alert in house.publisher.contents()]


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("method", ["known_keys", "append"])
def test_what_cannot_be_journaled_is_alerted_alone(
    open_house: OpenHouse, lines: list[EventDict], method: str, done: bool
) -> None:
    house = open_house()
    if method == "append":
        house.say(b"junk")
    house.storage.leave(method, done=done)
    house.turn(FIRST, SECOND)
    house.turn(THIRD)
    assert out(house) == [(1, True)]
    house.turn()
    assert out(house) == [(1, True), (2, True)]
    assert [alert["detector_names"] for alert in house.publisher.contents()][-1] == ["JUNO", "XENONnT", "LVD"]
    assert house.topic.done == ([0] if method == "append" else [])
    assert house.spool.depth == 3
    assert len(said(lines, "DEGRADED")) == 1
    house.find_store()
    check_end(house)
    assert [line["detector"] for line in said(lines, "observation")] == ["JUNO", "XENONnT", "LVD"]
    assert len(said(lines, "PUBLISHING AN ALERT!!!")) == 2
    assert len(said(lines, "no longer DEGRADED")) == 1


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
def test_what_is_journaled_is_not_decided_alone(open_house: OpenHouse, done: bool) -> None:
    house = open_house()
    house.storage.leave("mark_published", done=done)
    house.turn(FIRST, SECOND)
    house.turn()
    assert house.is_alone
    assert out(house) == [(1, False)]
    assert house.spool.depth == 0
    house.turn(THIRD)
    assert out(house) == [(1, False), (2, True)]
    assert house.topic.done == []
    house.find_store()
    assert house.topic.done == [2]
    check_end(house)
    assert out(house) == [(1, False), (2, True)]


@pytest.mark.parametrize("method", ["project", "sweep", "save_snapshot", "entries"])
def test_a_store_that_goes_away_between_messages_is_missed_at_the_next_look(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("snews_cs.server.snapshots.SNAPSHOT_AFTER", 1)
    house = open_house()
    house.say(FIRST)
    house.monotonic_s += 1
    house.storage.leave(method)
    house.turn(*[b"junk"] * (method == "project"))
    assert house.storage.is_away
    house.monotonic_s += 1
    house.turn()
    assert house.is_alone
    house.turn(SECOND)
    assert out(house) == [(1, True)]
    house.find_store()
    check_end(house)


def test_what_waited_for_the_broker_goes_out_first(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(FIRST, SECOND)
    house.lose_store(THIRD)
    house.monotonic_s += 60
    house.turn()
    assert out(house) == [(1, False), (2, True)]
    house.find_store()
    check_end(house)


def test_the_broker_may_be_away_as_well(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 3
    house.lose_store(FIRST, SECOND)
    house.turn(THIRD)
    assert out(house) == []
    house.monotonic_s += 60
    for _ in range(3):
        house.turn()
        house.monotonic_s += 60
    assert out(house) == [(1, True), (2, True)]
    house.find_store()
    check_end(house)
    assert len(house.publisher.uuids()) == 2


def test_a_message_that_comes_twice_counts_once(open_house: OpenHouse) -> None:
    house = open_house()
    first, second = house.topic.write(FIRST, SECOND)
    house.server.round(0)
    house.lose_store(THIRD)
    (fourth,) = house.topic.write(seen("IceCube", 3))
    house.topic.deliver_again(first, second, fourth, fourth)
    house.turn()
    house.topic.deliver_again(first, second, fourth)
    house.turn()
    assert house.spool.depth == 2
    assert out(house) == [(1, False), (2, True), (3, True)]
    house.find_store()
    check_end(house)
    assert len(house.entries()) == 4


def test_a_connection_test_is_answered_once(open_house: OpenHouse) -> None:
    house = open_house()
    house.lose_store(asked())
    assert house.publisher.contents("testing") == [asked()]
    house.find_store()
    house.turn()
    assert house.publisher.contents("testing") == [asked()]
    check_end(house)


def test_offsets_go_on_when_the_store_is_back(open_house: OpenHouse) -> None:
    house = open_house()
    house.lose_store(FIRST, SECOND)
    for _ in range(5):
        house.turn(THIRD)
    assert house.topic.done == []
    house.find_store()
    assert house.topic.done == [6]  # of each partition the last
    house.say(seen("IceCube", 3))
    assert house.topic.done == [6, 7]
    check_end(house)


def test_the_store_is_tried_again_with_pauses(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.lose_store(FIRST)
    tried: list[float] = []
    house.storage.before["prepare"].extend([lambda: tried.append(house.monotonic_s)] * 100)
    for _ in range(300):
        house.monotonic_s += 0.1
        house.turn()
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert tried[0] == pytest.approx(0.5)
    assert waits[:5] == pytest.approx([1.0, 2.0, 4.0, 5.0, 5.0], abs=0.11)
    assert len(said(lines, "DEGRADED")) == len(tried) + 1


# The disk


def test_the_disk_fails_too(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.disk.is_away = True
    house.lose_store(FIRST, SECOND)
    assert out(house) == [(1, True)]
    assert house.spool.depth == 2
    assert said(lines, "ALARM")
    house.turn(THIRD)
    assert out(house) == [(1, True), (2, True)]
    house.disk.is_away = False
    house.turn(seen("IceCube", 3))
    assert [entry.sequence for entry in house.disk.storage.entries()] == [1, 2, 3, 4]
    assert house.disk.storage.unpublished() == []  # what was acknowledged meanwhile is known to be
    house.find_store()
    check_end(house)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("method", ["append", "mark_published", "known_keys", "last_sequence", "prepare", "entry"])
def test_the_disk_fails_once(open_house: OpenHouse, lines: list[EventDict], method: str, done: bool, turn: int) -> None:
    house = open_house()
    house.lose_store(FIRST)
    written = house.topic.write(SECOND, THIRD)
    for number in range(3):
        if number == turn:
            (house.disk.after if done else house.disk.before)[method].append(away)
        house.turn()
        house.topic.deliver_again(*written)
    house.turn(seen("IceCube", 3))
    house.turn()
    assert out(house) == [(1, True), (2, True), (3, True)]
    assert [entry.sequence for entry in house.disk.storage.entries()] == [1, 2, 3, 4]
    lines.clear()
    house.turn(seen("KamLAND", 4))
    assert said(lines, "ALARM") == []
    assert house.disk.storage.unpublished() == [] or method == "mark_published"
    house.find_store()
    check_end(house)
    assert len(house.entries()) == 5


def test_what_only_memory_holds_comes_again_after_a_crash(open_house: OpenHouse) -> None:
    house = open_house()
    house.disk.is_away = True
    written = house.topic.write(FIRST, SECOND)
    house.lose_store()
    assert house.topic.done == []
    again = open_house(started=False, publisher=house.publisher)
    again.topic.deliver_again(*written)
    again.begin()
    again.settle()
    check_end(again)
    assert len(set(again.publisher.uuids())) == 1


def test_memory_is_bounded(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_UNWRITTEN < 100_000
    monkeypatch.setattr("snews_cs.server.spool.MOST_UNWRITTEN", 3)
    monkeypatch.setattr("snews_cs.server.loop.GROUP", 2)
    house = open_house()
    house.disk.is_away = True
    house.lose_store(FIRST, SECOND)
    house.topic.write(*[THIRD] * 6)
    for _ in range(5):
        house.turn()
    assert house.spool.is_full
    assert len(house.topic) >= 4  # they wait on the topic
    house.disk.is_away = False
    for _ in range(5):
        house.turn()
    assert len(house.topic) == 0
    assert house.disk.storage.last_sequence() == house.spool.depth == 8
    house.find_store()
    check_end(house)
    assert len(house.entries()) == 8


# Stop


def test_a_wish_to_stop_ends_being_alone(open_house: OpenHouse) -> None:
    house = open_house()
    house.lose_store(FIRST)
    house.topic.write(SECOND)
    house.topic.when_empty = house.stop.make
    while not house.stop:
        house.turn()
    assert out(house) == [(1, True)]
    assert house.topic.done == []
