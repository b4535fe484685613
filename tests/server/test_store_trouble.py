"""The store fails, before or after it did what it was asked: nothing is lost, nothing is done twice."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.entry import Entry
from tests.server.conftest import House, OpenHouse, asked, said, seen
from tests.support.flaky import away, nothing

WHAT_COMES = (seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2), asked())


def rounds(house: House) -> int:
    """Do rounds until one goes well with nothing left to do; return how many failed."""
    failed = 0
    while True:
        try:
            house.server.round(0)
            house.server.round(0)
        except StoreUnreachable:
            failed += 1
        else:
            return failed


def check_all_is_done(
    house: House, lines: list[EventDict], *, done: Sequence[int] = range(4), answers: int = 1
) -> None:
    """Fail unless :data:`WHAT_COMES` was seen to, each of it once, and the connection test answered so often."""
    assert [entry.sequence for entry in house.entries()] == [1, 2, 3, 4]
    assert house.journal.sequence == 4
    assert house.topic.done == [*done]
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]
    assert house.publisher.contents("testing") == [asked()] * answers
    assert house.storage.unpublished() == []
    assert len(house.outbox) == 0
    assert house.storage.projected() == 4
    assert [row["detector_name"] for row in house.rows("cache")] == ["JUNO", "XENONnT", "LVD"]
    assert [row["revision"] for row in house.rows("coincidence_tier_alerts")] == [1, 2]
    assert [line["detector"] for line in said(lines, "observation")] == ["JUNO", "XENONnT", "LVD"]
    assert len(said(lines, "PUBLISHING AN ALERT!!!")) == 2
    assert said(lines, "ALARM") == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("method", ["known_keys", "append", "mark_published"])
def test_whatever_fails_is_made_good(
    open_house: OpenHouse, lines: list[EventDict], method: str, times: int, when: str
) -> None:
    house = open_house()
    getattr(house.storage, when)[method].extend([away] * times)
    house.topic.write(*WHAT_COMES)
    assert rounds(house) >= 1
    check_all_is_done(house, lines)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("method", ["project", "sweep", "save_snapshot"])
def test_what_can_wait_is_done_later(
    open_house: OpenHouse,
    lines: list[EventDict],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    times: int,
    when: str,
) -> None:
    """The journal may be well: nobody is alone for it, the offset is committed, and what follows is projected, too."""
    monkeypatch.setattr("snews_cs.server.snapshots.SNAPSHOT_AFTER", 1)
    house = open_house()
    getattr(house.storage, when)[method].extend([away] * times)
    house.turn(*WHAT_COMES[:2])
    house.turn(*WHAT_COMES[2:])
    assert house.topic.done == [0, 1, 2, 3]
    for _ in range(times + 1):
        house.monotonic_s += 600
        house.turn()
    check_all_is_done(house, lines, answers=2)
    assert 1 <= len(said(lines, "put off")) <= times  # what was done all the same is not tried again
    assert said(lines, "DEGRADED") == []


def test_what_waits_to_be_projected_does_not_pile_up(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.projector.MOST", 3)
    house = open_house()
    house.say(*(seen("JUNO", 20.0 * number) for number in range(3)))
    house.say(*(seen("LVD", 20.0 * number) for number in range(4)), *(seen("NOvA", 10.0) for _ in range(2)))
    assert house.storage.projected() == 6
    house.say(seen("IceCube", 10.0))
    assert house.storage.projected() == 9
    house.say()
    assert house.storage.projected() == 10
    assert {row["detector_name"] for row in house.rows("cache")} == {"JUNO", "LVD", "NOvA", "IceCube"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_append_leaves_the_engine_and_the_offset_where_they_were(open_house: OpenHouse, when: str) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    before = house.journal.engine.snapshot()
    getattr(house.storage, when)["append"].append(away)
    with pytest.raises(StoreUnreachable):
        house.say(seen("XENONnT", 1), seen("LVD", 2))
    assert house.journal.engine.snapshot() == before
    assert house.journal.sequence == 1
    assert house.publisher.uuids() == []
    assert house.topic.done == [0]


@pytest.mark.parametrize("written", range(5))
@pytest.mark.parametrize("read", range(5))
def test_an_append_in_doubt_whose_reading_fails(
    open_house: OpenHouse, lines: list[EventDict], written: int, read: int
) -> None:
    house = open_house()
    house.storage.append_only(written)
    house.storage.before["entries"].extend([*[nothing] * read, away])
    house.topic.write(*WHAT_COMES)
    rounds(house)
    check_all_is_done(house, lines)


def test_an_append_that_is_late_is_still_ours(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    late: list[Entry] = []

    def time_out(entries: Sequence[Entry]) -> None:
        late.extend(entries)
        away()

    house.storage.before["append"].extend([time_out, lambda _: house.storage.storage.append(late)])
    house.topic.write(*WHAT_COMES)
    assert rounds(house) == 1
    check_all_is_done(house, lines)


def test_what_is_taken_but_not_shown_yet_is_no_reason_to_spin(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    for _ in range(3):
        house.storage.append_only(0, conflict=True)
    house.topic.write(*WHAT_COMES)
    assert rounds(house) == 3
    check_all_is_done(house, lines)


def test_a_snapshot_that_cannot_be_saved_is_saved_later(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.snapshots.SNAPSHOT_AFTER", 4)
    house = open_house()
    house.storage.before["save_snapshot"].append(away)
    house.topic.write(*WHAT_COMES)
    assert rounds(house) == 0
    house.say()
    assert house.storage.latest_snapshot() is None  # one costs too much to be tried all the time
    house.monotonic_s += 10
    house.say()
    assert house.storage.latest_snapshot() == (4, house.journal.engine.snapshot())


def test_running_outlives_failures_of_the_store(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.storage.before["known_keys"].append(away)
    house.storage.after["append"].append(away)
    house.topic.write(*WHAT_COMES)
    house.settle()
    check_all_is_done(house, lines, done=[3])
    degraded = said(lines, "DEGRADED")
    assert len(degraded) == 2
    assert all("played to be away" in line["error"] for line in degraded)
    assert degraded[0]["again_in_s"] < degraded[1]["again_in_s"]


def test_stopping_does_not_wait_for_the_store(open_house: OpenHouse) -> None:
    house = open_house()

    def stop(_: Any) -> None:
        house.stop.make()
        away()

    house.storage.before["known_keys"].extend([stop, away])
    house.topic.write(*WHAT_COMES)
    house.run()
    assert len(house.storage.before["known_keys"]) == 1
    assert house.topic.done == []
    assert open_house().journal.sequence == 0  # it comes again
