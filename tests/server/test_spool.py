"""The disk of the spool fails, before or after it did what it was asked, or is well again: nothing in it is lost."""

import pytest
from structlog.typing import EventDict

from snews_cs.messages.types import Reconcile
from snews_cs.server.observer import Standing
from tests.server.conftest import House, OpenHouse, said, seen
from tests.server.ending import check_end
from tests.support.flaky import Flaky, away

FIRST, SECOND, THIRD = seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2)
MINUTE_S = 60.0


def restart(open_house: OpenHouse, house: House) -> House:
    """Return another server on this machine, which has not begun."""
    return open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))


def alone(open_house: OpenHouse) -> House:
    """Return a server that has alerted alone, and whose alert nobody retracts unless it is told to the journal."""
    house = open_house(started=False)
    house.begin()
    house.say(seen("JUNO", uuid="a mistake"))
    house.lose_store(SECOND)
    open_house(publisher=house.publisher, tag="other").say(
        {"detector_name": "JUNO", "tier": "Retraction", "retract_message_uuid": "a mistake", "retraction_reason": ""}
    )
    return house


def later(house: House) -> None:
    """Let some minutes pass."""
    for _ in range(5):
        house.monotonic_s += MINUTE_S
        house.turn()


def types(house: House) -> list[str]:
    """Return the type of each alert on the topic."""
    return [alert["alert_type"] for alert in house.publisher.contents()]


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("method", ["prepare", "last_sequence", "entries"])
def test_a_spool_that_cannot_be_read_at_the_start_is_seen_to_later(
    open_house: OpenHouse, lines: list[EventDict], method: str, done: bool
) -> None:
    again = restart(open_house, alone(open_house))
    (again.disk.after if done and method != "entries" else again.disk.before)[method].extend([away] * 2)
    again.begin()
    assert said(lines, "ALARM: the local spool cannot be used")
    assert not again.is_alone
    assert types(again) == ["INITIAL"]
    later(again)
    assert types(again) == ["INITIAL", "RETRACTION"]
    check_end(again)


def test_a_spool_that_was_not_read_is_not_emptied(open_house: OpenHouse) -> None:
    """Though the copy beside it is of another journal: the store was made anew."""
    house = open_house(started=False)
    house.begin()
    house.say(FIRST)
    house.monotonic_s += MINUTE_S
    house.say()
    house.lose_store(SECOND, THIRD)
    house.storage.storage.drop()
    again = restart(open_house, house)
    again.disk.before["prepare"].extend([away] * 2)
    again.begin()
    later(again)
    check_end(again)
    assert [entry.sequence for entry in again.entries()] == [1, 2]


def test_what_is_in_memory_is_journaled_though_the_disk_is_dead(open_house: OpenHouse) -> None:
    house = open_house()
    house.disk.is_away = True
    house.lose_store(FIRST, SECOND)
    house.find_store()
    check_end(house)
    assert len(house.entries()) == 2
    assert house.topic.done == [1]


def test_what_is_known_to_be_on_a_disk_that_is_dead_now_is_waited_for(open_house: OpenHouse) -> None:
    house = open_house()
    house.lose_store(FIRST, SECOND)
    house.disk.is_away = True
    house.disk.before["append"].append(away)
    house.turn(THIRD)
    house.storage.is_away = False
    later(house)
    assert house.is_alone
    assert house.topic.done == []
    house.disk.is_away = False
    house.settle()
    check_end(house)
    assert len(house.entries()) == 3


def test_a_disk_that_is_well_again_holds_what_an_earlier_server_left_first(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    first, second = house.topic.write(FIRST, SECOND)
    house.topic.batch(0, 1)
    house.lose_store()
    again = restart(open_house, house)
    again.storage.is_away = again.disk.is_away = True
    again.topic.deliver_again(first, second)
    again.topic.write(THIRD)
    again.begin()
    assert again.is_alone
    again.disk.is_away = False
    again.turn(seen("IceCube", 3))
    assert [entry.key for entry in again.disk.storage.entries()][:2] == [second.key, first.key]
    assert again.disk.storage.last_sequence() == 4
    again.find_store()
    check_end(again)
    assert len(again.entries()) == 4


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
def test_a_spool_that_cannot_be_emptied(open_house: OpenHouse, done: bool) -> None:
    house = open_house(started=False)
    house.begin()
    house.say(FIRST)
    house.lose_store(SECOND)
    (house.disk.after if done else house.disk.before)["drop"].append(away)
    house.storage.is_away = False
    for _ in range(3):
        house.monotonic_s += 2
        house.turn()
    assert not house.is_alone
    house.lose_store(THIRD)
    assert [entry.sequence for entry in house.disk.storage.entries()] == [1] if done else [1, 2]
    house.find_store()
    later(house)
    check_end(house)
    assert len(house.entries()) == 3
    assert len(house.publisher.uuids()) == 2


def test_a_spool_that_was_not_emptied_tells_nothing_again(open_house: OpenHouse) -> None:
    """What it says was sent alone is looked for in the journal since before, however much later that is."""
    house = open_house(started=False)
    house.begin()
    house.say(FIRST)
    house.lose_store(SECOND)
    house.disk.before["drop"].extend([away] * 9)
    house.storage.is_away = False
    for _ in range(8):
        house.monotonic_s += 5
        house.turn()
    assert not house.is_alone
    house.now_ns += 25 * 3_600 * 10**9
    house.turn(b"junk")
    house.monotonic_s += 20
    house.turn()
    again = restart(open_house, house)
    again.now_ns = house.now_ns
    again.begin()
    again.settle()
    check_end(again)
    assert types(again) == ["INITIAL"]
    assert not any(isinstance(entry.message, Reconcile) for entry in again.storage.entries())


def test_a_copy_of_another_journal_is_forgotten(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    house.say(FIRST, SECOND)
    house.monotonic_s += 60
    house.say()
    assert house.spool.snapshot() == (2, house.journal.engine.snapshot())
    house.storage.drop()
    again = restart(open_house, house)
    again.begin()
    assert again.spool.snapshot() is None
    again.lose_store(THIRD)
    assert types(again) == ["INITIAL"]  # it knows no more than the journal


def test_a_copy_that_cannot_be_kept_or_read_is_done_without(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house(started=False)
    house.begin()
    house.disk.before["save_snapshot"].append(away)
    house.say(FIRST)
    house.monotonic_s += 60
    house.say()
    assert said(lines, "the engine's state could not be kept")
    house.monotonic_s += 60
    house.say()
    again = restart(open_house, house)
    again.storage.is_away = True
    again.disk.before["latest_snapshot"].append(away)
    again.begin()
    assert said(lines, "the engine's state in the local spool cannot be read")
    again.turn(SECOND, THIRD)
    assert [alert["detector_names"] for alert in again.publisher.contents()] == [["XENONnT", "LVD"]]
    again.find_store()
    check_end(again)


def test_what_is_not_marked_on_the_disk_is_told_apart_by_the_topic(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    house.disk.before["mark_published"].append(away)
    house.lose_store(FIRST, SECOND)
    assert len(house.disk.storage.unpublished()) == 1
    again = restart(open_house, house)
    again.storage.is_away = True
    again.begin()
    assert again.disk.storage.unpublished() == []
    again.find_store()
    check_end(again)
    assert types(again) == ["INITIAL"]


def test_how_much_is_spooled_is_told(open_house: OpenHouse) -> None:
    house = open_house()
    assert house.observer.standing.spooled == 0
    house.lose_store(FIRST, SECOND)
    assert house.observer.standing.spooled == 2
    first, _ = house.disk.storage.entries()
    assert house.observer.standing.spooled_since_ns == first.received_ns
    house.find_store()
    assert house.observer.standing._replace(sequence=0) == Standing(0)
