"""A server begins while the store is away: it knows what its own disk says."""

from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.messages.types import Parameters
from tests.server.conftest import House, OpenHouse, said, seen
from tests.server.ending import check_end

FIRST, SECOND, THIRD = seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2)


def out(house: House) -> list[tuple[int, bool]]:
    """Return revision and ``degraded`` of each alert on the topic."""
    return [(alert["revision"], alert["degraded"]) for alert in house.publisher.contents()]


def restarted(open_house: OpenHouse, house: House, **more: Any) -> House:
    """Return a server that begins after this one has ended, on the same machine, while the store is still away."""
    again = open_house(started=False, publisher=house.publisher, disk=house.disk, **more)
    again.storage.is_away = True
    again.begin()
    assert again.is_alone
    return again


def test_a_server_that_starts_alone_knows_what_it_last_knew(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    house.say(FIRST, SECOND)
    house.monotonic_s += 60
    house.say()
    again = restarted(open_house, house)
    again.turn(THIRD)
    assert out(again) == [(1, False), (2, True)]
    again.find_store()
    check_end(again)


def test_a_server_that_starts_alone_knows_what_it_spooled(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    house.lose_store(FIRST)
    again = restarted(open_house, house)
    again.turn(SECOND)
    assert out(again) == [(1, True)]
    once_more = restarted(open_house, again)
    once_more.turn(THIRD)
    assert out(again) == [(1, True), (2, True)]
    once_more.find_store()
    check_end(once_more)
    assert len(set(once_more.publisher.uuids())) == len(once_more.publisher.uuids()) == 2


@pytest.mark.parametrize("taken", [False, True], ids=["lost", "on the topic"])
def test_what_was_not_acknowledged_alone_goes_out_after_the_restart(open_house: OpenHouse, taken: bool) -> None:
    house = open_house(started=False)
    house.begin()
    house.publisher.failures, house.publisher.taken = 1, taken
    house.lose_store(FIRST, SECOND)
    assert len(out(house)) == taken
    again = restarted(open_house, house)
    assert out(again) == [(1, True)]
    again.find_store()
    check_end(again)
    assert out(again) == [(1, True)]


def test_a_first_start_while_the_store_is_away(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.storage.is_away = True
    house.topic.write(FIRST, SECOND)
    house.begin()
    assert out(house) == [(1, True)]
    house.find_store()
    check_end(house)


def test_a_server_that_starts_alone_decides_with_its_settings(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.begin()
    house.say(FIRST)
    house.monotonic_s += 60
    house.say()
    again = restarted(open_house, house, parameters=Parameters(coincidence_threshold_ns=5 * 10**9))
    again.turn(seen("XENONnT", 6))
    assert out(again) == []
    again.turn(seen("LVD", 5))
    assert len(out(again)) == 2
    again.find_store()
    check_end(again)


def test_a_server_that_cannot_read_its_disk_starts_all_the_same(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house(started=False)
    house.begin()
    house.lose_store(FIRST)
    house.disk.is_away = True
    again = restarted(open_house, house)
    again.turn(SECOND, THIRD)
    assert out(again) == [(1, True)]
    assert said(lines, "ALARM")


def test_what_is_spooled_is_brought_again_by_kafka(open_house: OpenHouse) -> None:
    """No offset was committed for it."""
    house = open_house(started=False)
    house.begin()
    written = house.topic.write(FIRST, SECOND, THIRD)
    house.lose_store()
    again = open_house(started=False, publisher=house.publisher, disk=house.disk)
    again.storage.is_away = True
    again.topic.deliver_again(*written)
    again.begin()
    assert again.spool.depth == 3
    assert out(again) == [(1, True), (2, True)]
    again.find_store()
    check_end(again)
    assert again.topic.done == [2]
    assert len(again.entries()) == 3


def test_what_was_journaled_after_the_copy_is_brought_right_later(open_house: OpenHouse) -> None:
    """Of a busy server that was killed the copy is old: what it does not know is in the journal, and comes back."""
    house = open_house(started=False)
    house.begin()
    house.say(FIRST)
    house.monotonic_s += 60
    house.say()
    house.say(SECOND)
    assert out(house) == [(1, False)]
    again = restarted(open_house, house)
    again.turn(THIRD)
    assert [alert["detector_names"] for alert in again.publisher.contents()] == [["JUNO", "XENONnT"], ["JUNO", "LVD"]]
    again.find_store()
    check_end(again)
    assert [alert["detector_names"] for alert in again.publisher.contents()][2:] == [["JUNO", "XENONnT", "LVD"]] * 2


def test_a_server_told_to_stop_knows_all_of_it_when_it_begins_alone(open_house: OpenHouse) -> None:
    house = open_house(started=False)
    house.topic.write(FIRST, SECOND)
    house.begin()
    again = restarted(open_house, house)
    again.turn(THIRD)
    assert out(again) == [(1, False), (2, True)]
    again.find_store()
    check_end(again)
