"""What is answered to clients."""

from snews_cs.server.answers import AGAIN_AFTER_S, MOST_WAITING
from snews_cs.server.courier import Courier
from tests.server.conftest import OpenHouse, asked, seen
from tests.server.door import PATIENCE_S, Door


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


def test_an_alert_goes_out_while_the_broker_of_the_answers_hangs(open_house: OpenHouse) -> None:
    door = Door()
    door.is_open.clear()
    with Courier(door, "answers") as courier:
        house = open_house(answer=courier.give)
        house.say(asked(1))
        assert door.knocked.wait(PATIENCE_S)
        house.say(asked(2), seen("JUNO"), seen("XENONnT"))
        house.monotonic_s = AGAIN_AFTER_S
        house.say()
        assert len(house.publisher.contents("alerts")) == 1
        assert door.sent == []
        door.is_open.set()
        assert door.wait_for(4) == ["JUNO"] * 4
    assert house.publisher.attempts == ["alerts"]


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
