"""What is answered to clients."""

from snews_cs.server.answers import AGAIN_AFTER_S, MOST_WAITING, PAUSE_S
from tests.server.conftest import OpenHouse, asked, seen


def test_a_connection_test_is_answered_at_once_and_once_more(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(asked(1))
    assert house.publisher.contents("testing") == [asked(1)]
    house.monotonic_s = AGAIN_AFTER_S - 0.1
    house.say(asked(2))
    house.monotonic_s = AGAIN_AFTER_S
    house.say()
    assert house.publisher.contents("testing") == [asked(1), asked(2), asked(1)]
    house.monotonic_s = 10 * AGAIN_AFTER_S
    for _ in range(2):
        house.say()
    assert house.publisher.contents("testing") == [asked(1), asked(2), asked(1), asked(2)]


def test_what_could_not_be_answered_is_answered_later(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(asked())
    assert house.publisher.contents("testing") == []
    house.monotonic_s = AGAIN_AFTER_S
    house.say()
    assert house.publisher.contents("testing") == [asked()]


def test_after_a_failure_nothing_is_tried_for_a_while(open_house: OpenHouse) -> None:
    """Each attempt may take seconds, in which no alert goes out."""
    house = open_house()
    house.publisher.failures = 1
    house.say(asked(1))
    for number in range(2, 5):
        house.monotonic_s += PAUSE_S / 4
        house.say(asked(number))
    assert house.publisher.attempts == ["testing"]
    house.monotonic_s = PAUSE_S
    house.say()
    assert {each["uuid"] for each in house.publisher.contents("testing")} == {"1", "2", "3", "4"}


def test_of_a_flood_only_the_last_are_answered(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(*(asked(number) for number in range(MOST_WAITING + 20)))
    answered = house.publisher.contents("testing")
    assert answered == [asked(number) for number in range(20, MOST_WAITING + 20)]
    house.monotonic_s = AGAIN_AFTER_S
    house.say()
    assert house.publisher.contents("testing") == answered + answered


def test_an_answer_goes_out_after_the_alert_of_its_round(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(asked(1), asked(2), seen("JUNO"), seen("XENONnT"))
    assert house.publisher.attempts == ["alerts", "testing", "testing"]


def test_what_is_refused_is_not_answered(open_house: OpenHouse) -> None:
    house = open_house()
    house.say({**asked(), "is_firedrill": True})
    (entry,) = house.storage.entries()
    assert entry.message is not None
    assert not entry.verdict.accepted
    house.monotonic_s = AGAIN_AFTER_S
    house.say()
    assert house.publisher.contents("testing") == []
