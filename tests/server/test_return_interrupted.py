"""On its way back to the store a server dies, is told to stop, or meets the next failure."""

from typing import Any

import pytest
from structlog.typing import EventDict

from tests.server.conftest import OpenHouse, said, seen
from tests.server.ending import check_end
from tests.server.returning import FIRST, SECOND, THIRD, alerts, go_slowly, parted, reconciles, settle
from tests.support.flaky import Flaky, nothing

STORE_CALLS = {
    "prepare": 1,
    "latest_snapshot": 1,
    "entries": 7,
    "known_keys": 1,
    "append": 2,
    "projected": 1,
    "project": 1,
    "unpublished": 1,
    "unmarked": 1,
    "mark_published": 1,
}
"""How often what is asked of the store after :func:`parted`, at least."""

DISK_CALLS = {"entries": 2, "drop": 1}
"""The same of the disk."""

MOMENTS = [
    (side, method, number, done)
    for side, calls in [("storage", STORE_CALLS), ("disk", DISK_CALLS)]
    for method, count in calls.items()
    for number in range(count)
    for done in ([False] if method == "entries" else [False, True])
]


@pytest.fixture(params=[None, 1], ids=["in one go", "step by step"])
def pace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the way back be one turn, or one turn for each message."""
    if request.param is not None:
        go_slowly(monkeypatch, request.param)


class Crash(BaseException):
    """The server dies."""


def crash(*_: Any) -> None:
    """Let the server die."""
    raise Crash


@pytest.mark.usefixtures("pace")
@pytest.mark.parametrize(("side", "method", "number", "done"), MOMENTS)
def test_a_crash_on_the_way_back(
    open_house: OpenHouse, lines: list[EventDict], side: str, method: str, number: int, done: bool
) -> None:
    ours, theirs = parted(open_house)
    flaky = getattr(ours, side)
    (flaky.after if done else flaky.before)[method].extend([*[nothing] * number, crash])
    with pytest.raises(Crash):
        ours.find_store()
    again = open_house(started=False, publisher=ours.publisher, disk=Flaky(ours.disk.storage))
    again.topic.write(FIRST, SECOND, THIRD)
    again.begin()
    again.topic.write(seen("KamLAND", 4))
    settle(again, theirs)
    assert len(reconciles(again)) == 1
    assert said(lines, "ALARM") == []


@pytest.mark.usefixtures("pace")
@pytest.mark.parametrize(("side", "method", "number", "done"), MOMENTS)
def test_a_failure_on_the_way_back(
    open_house: OpenHouse, lines: list[EventDict], side: str, method: str, number: int, done: bool
) -> None:
    ours, theirs = parted(open_house)
    flaky = getattr(ours, side)

    flaky.leave(method, after=number, done=done)
    ours.storage.is_away = False
    for _ in range(12):
        ours.monotonic_s += 6
        ours.turn()
    assert flaky.is_away
    ours.turn(seen("KamLAND", 4))
    ours.turn()
    assert "KamLAND" in ours.publisher.contents()[-1]["detector_names"]
    flaky.is_away = False
    for _ in range(20):  # until it looks after its spool
        ours.monotonic_s += 6
        ours.turn()
    settle(ours, theirs)
    assert len(ours.entries()) == 5
    assert said(lines, "ALARM") == [] or side == "disk"


@pytest.mark.parametrize("number", range(2))
def test_a_wish_to_stop_on_the_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", 1)
    ours, theirs = parted(open_house)
    ours.storage.after["append"].extend([*[nothing] * number, lambda _: ours.stop.make()])
    ours.storage.is_away = False
    while not ours.stop:
        ours.monotonic_s += 1
        ours.turn()
    assert ours.is_alone
    assert ours.spool.depth == 2
    again = open_house(started=False, publisher=ours.publisher, disk=ours.disk)
    again.begin()
    settle(again, theirs)


def test_a_wish_to_stop_at_a_start_with_a_long_spool(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", 1)
    house = open_house(started=False)
    house.begin()
    house.lose_store(FIRST, SECOND, THIRD)
    again = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    again.storage.after["append"].append(lambda _: again.stop.make())
    again.server.run(again.stop, 0)
    assert len(again.entries()) == 1
    assert again.spool.depth == 3
    once_more = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    once_more.begin()
    check_end(once_more)
    assert alerts(once_more) == [("INITIAL", 1, ["JUNO", "XENONnT"]), ("UPDATE", 2, ["JUNO", "XENONnT", "LVD"])]
