"""Who publishes: whoever journaled it, or another server when that one has not for 2 s of the other's own clock."""

import pytest
from structlog.typing import EventDict

from snews_cs.errors import StoreUnreachable
from snews_cs.server.lane import SURE_FOR_S, TAKE_OVER_AFTER_S
from tests.server.conftest import House, OpenHouse, said, seen
from tests.server.ending import check_end
from tests.support.flaky import away, nothing

PAIR = (seen("JUNO"), seen("XENONnT", 1))
TAKEN = "publishing what another server did not"
SOON_S = 0.3


def pair_of_houses(open_house: OpenHouse) -> tuple[House, House]:
    """Return two servers on one store and one broker; only the first is read messages to."""
    ours = open_house()
    return ours, open_house(publisher=ours.publisher, tag="other")


def leaves(house: House, *messages: dict[str, object]) -> None:
    """Let a server journal messages, and not publish what follows."""
    house.publisher.failures = 1
    house.say(*(messages or PAIR))


def revisions(house: House) -> list[int]:
    """Return the revision of each alert on the topic."""
    return [alert["revision"] for alert in house.publisher.contents()]


def wait(house: House, seconds: float) -> None:
    """Let a server go on for a while."""
    for _ in range(round(seconds / 0.1)):
        house.monotonic_s += 0.1
        house.say()


def claims_and_fails(house: House) -> None:
    """Let a server go on until it has claimed entry 2, and not published it."""
    before = house.storage.storage.unmarked([2])
    house.publisher.failures = 1
    for _ in range(30):
        wait(house, 0.1)
        if house.storage.storage.unmarked([2]) != before:
            break
    assert house.publisher.failures == 0
    assert revisions(house) == []


@pytest.mark.parametrize("taken", [False, True], ids=["lost", "on the topic"])
def test_what_another_server_did_not_publish_is_taken_over(
    open_house: OpenHouse, lines: list[EventDict], taken: bool
) -> None:
    ours, theirs = pair_of_houses(open_house)
    ours.publisher.taken = taken
    leaves(ours)
    wait(theirs, SOON_S)
    wait(theirs, TAKE_OVER_AFTER_S - SOON_S)
    assert revisions(ours) == [1] * taken
    wait(theirs, SOON_S)
    assert revisions(ours) == [1] * (1 + taken)
    (line,) = said(lines, TAKEN)
    assert (line["sequence"], line["writer"]) == (2, "test")
    assert theirs.storage.unpublished() == []
    ours.monotonic_s += 60
    ours.say()
    assert revisions(ours) == [1] * (1 + taken)
    wait(theirs, SOON_S)
    check_end(ours, theirs)


def test_a_repeat_has_the_same_bytes(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    ours.publisher.taken = True
    leaves(ours)
    wait(theirs, 3)
    first, second = ours.publisher.contents()
    assert first == second
    assert first["server_tag"] == "test"


def test_the_clock_of_the_one_that_waits_decides(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    ours.monotonic_s += 3_600
    theirs.now_ns += 3_600 * 10**9
    wait(theirs, SOON_S)
    assert revisions(ours) == []
    theirs.now_ns -= 7_200 * 10**9
    wait(theirs, TAKE_OVER_AFTER_S)
    assert revisions(ours) == [1]


def test_what_is_seen_to_be_published_is_forgotten(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, theirs = pair_of_houses(open_house)
    ours.say(*PAIR)
    wait(theirs, 3)
    assert revisions(ours) == [1]
    assert len(theirs.outbox) == 0
    leaves(ours, seen("LVD", 2))
    wait(theirs, 1)
    assert len(theirs.outbox) == 1
    ours.monotonic_s += 1
    ours.say()
    wait(theirs, 3)
    assert revisions(ours) == [1, 2]
    assert said(lines, TAKEN) == []


def test_a_claim_by_a_third_server_begins_the_wait_anew(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    third = open_house(publisher=ours.publisher, tag="third")
    leaves(ours)
    wait(theirs, 1)
    wait(third, 1)
    claims_and_fails(theirs)
    wait(third, TAKE_OVER_AFTER_S)
    assert revisions(ours) == []
    wait(third, SOON_S)
    assert revisions(ours) == [1]
    assert len(set(ours.publisher.uuids())) == 1


def test_of_two_that_waited_one_publishes(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    third = open_house(publisher=ours.publisher, tag="third")
    leaves(ours)
    for _ in range(30):
        wait(theirs, 0.1)
        wait(third, 0.1)
    assert revisions(ours) == [1]


def test_of_two_that_claim_at_once_one_publishes(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    third = open_house(publisher=ours.publisher, tag="third")
    leaves(ours)
    wait(third, 1.9)
    wait(theirs, 1.9)
    theirs.storage.before["claim"].append(lambda *_: claims_and_fails(third))
    wait(theirs, 1)
    assert not theirs.storage.before["claim"]
    assert revisions(ours) == []
    wait(third, 1)
    wait(theirs, 3)
    assert revisions(ours) == [1]


def test_later_entries_wait_for_earlier_ones_of_another_server(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    wait(theirs, SOON_S)
    theirs.say(seen("LVD", 2))
    wait(theirs, 1)
    assert revisions(ours) == []
    theirs.say(seen("JUNO", is_test=True), seen("XENONnT", 1, is_test=True))
    assert len(theirs.publisher.uuids("testing")) == 1  # another topic
    wait(theirs, 1)
    assert revisions(ours) == [1, 2]
    ours.monotonic_s += 60
    ours.say()
    check_end(ours, theirs)


def test_later_entries_of_ours_go_out_as_soon_as_earlier_ones_are_marked(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    wait(theirs, SOON_S)
    theirs.say(seen("LVD", 2))
    ours.monotonic_s += 0.1
    ours.say()
    assert revisions(ours) == [1]
    assert theirs.outbox.wait_s < 0.05
    theirs.say()
    assert revisions(ours) == [1, 2]


def test_the_loop_does_not_sleep_longer_than_it_takes_to_take_over(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    assert theirs.outbox.wait_s == float("inf")
    leaves(ours)
    wait(theirs, SOON_S)
    waits = theirs.outbox.wait_s
    assert 0 < waits <= TAKE_OVER_AFTER_S
    theirs.monotonic_s += 0.5
    assert theirs.outbox.wait_s == pytest.approx(waits - 0.5)


def test_all_that_a_dead_server_left_is_taken_over_at_once(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours, *PAIR, *(seen(name, 2) for name in ("LVD", "IceCube", "KamLAND")))
    wait(theirs, TAKE_OVER_AFTER_S + SOON_S)
    assert revisions(ours) == [1, 2, 3, 4]
    assert len(said(lines, TAKEN)) == 4


def test_a_server_that_slept_looks_before_it_publishes(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    wait(theirs, 3)
    assert revisions(ours) == [1]
    theirs.say(seen("LVD", 2))
    ours.monotonic_s += SURE_FOR_S
    ours.say()
    assert revisions(ours) == [1, 2]
    assert len(ours.outbox) == 0


def test_a_server_that_slept_and_does_not_know_it_repeats_one_alert(open_house: OpenHouse) -> None:
    """Its clock slept, too; that what it published is marked by another tells it."""
    ours, theirs = pair_of_houses(open_house)
    leaves(ours, *PAIR, seen("LVD", 2), seen("IceCube", 3))
    wait(theirs, 3)
    assert revisions(ours) == [1, 2, 3]
    ours.monotonic_s += 0.2
    ours.say()
    assert revisions(ours) == [1, 2, 3, 1]
    assert len(ours.outbox) == 0


def test_a_server_whose_claim_was_taken_waits_for_the_other(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    claims_and_fails(theirs)
    ours.monotonic_s += SURE_FOR_S
    wait(ours, TAKE_OVER_AFTER_S - 0.1)
    assert revisions(ours) == []
    wait(ours, SOON_S)
    assert revisions(ours) == [1]
    assert len(said(lines, TAKEN)) == 2


def test_what_is_late_but_still_its_own_is_published(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, _ = pair_of_houses(open_house)
    leaves(ours)
    ours.monotonic_s += 3_600
    ours.say()
    assert revisions(ours) == [1]
    assert said(lines, TAKEN) == []


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("method", ["claim", "unmarked"])
def test_a_claim_in_doubt(open_house: OpenHouse, method: str, done: bool) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    wait(theirs, 1.9)
    assert revisions(ours) == []
    (theirs.storage.after if done else theirs.storage.before)[method].append(away)
    with pytest.raises(StoreUnreachable):
        wait(theirs, 1)
    wait(theirs, TAKE_OVER_AFTER_S + SOON_S)
    assert revisions(ours) == [1]
    assert theirs.storage.unpublished() == []


def test_a_server_that_begins_publishes_its_own_at_once(open_house: OpenHouse) -> None:
    ours, _ = pair_of_houses(open_house)
    leaves(ours)
    again = open_house(publisher=ours.publisher)
    again.say()
    assert revisions(ours) == [1]
    assert ours.publisher.looks == ["alerts"]


def test_a_server_that_begins_leaves_others_theirs_for_a_while(open_house: OpenHouse) -> None:
    ours, _ = pair_of_houses(open_house)
    ours.publisher.taken = True
    leaves(ours)
    third = open_house(publisher=ours.publisher, tag="third")
    wait(third, TAKE_OVER_AFTER_S - 0.1)
    assert revisions(ours) == [1]
    wait(third, SOON_S)
    assert revisions(ours) == [1, 1]
    assert ours.publisher.looks == []


def test_a_server_that_begins_leaves_what_was_taken_from_it(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    claims_and_fails(theirs)
    again = open_house(publisher=ours.publisher)
    again.say()
    assert revisions(ours) == []
    wait(theirs, 1)
    assert revisions(ours) == [1]
    wait(again, 3)
    assert revisions(ours) == [1]


def test_a_broker_that_is_away_for_one_server_only(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, theirs = pair_of_houses(open_house)
    leaves(ours)
    for turn in range(40):
        ours.publisher.failures = 1
        ours.monotonic_s += 0.1
        ours.say(*([seen("LVD", 2)] if turn == 20 else []))
        ours.publisher.failures = 0
        theirs.monotonic_s += 0.1
        theirs.say()
    assert revisions(ours) == [1]
    wait(theirs, 1)
    assert revisions(ours) == [1, 2]
    wait(ours, 6)
    check_end(ours, theirs)
    assert len(said(lines, TAKEN)) == 2


def test_a_mark_that_fails_is_made_later(open_house: OpenHouse) -> None:
    ours, theirs = pair_of_houses(open_house)
    ours.storage.before["mark_published"].extend([away, nothing])
    with pytest.raises(StoreUnreachable):
        ours.say(*PAIR)
    wait(theirs, 1)
    ours.say()
    wait(theirs, 3)
    assert revisions(ours) == [1]
    check_end(ours, theirs)
