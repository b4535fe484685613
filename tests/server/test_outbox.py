"""Alerts on their way out, while the broker or one topic does not take them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.errors import StoreUnreachable
from snews_cs.server.outbox import FINISH_WITHIN_S, TESTS_AT_ONCE_S
from snews_cs.streams.publication import Publication
from tests.server.conftest import START_UTC, House, OpenHouse, said, seen
from tests.support.flaky import away, nothing

Messages = tuple[dict[str, Any], ...]

PAIR = (seen("JUNO"), seen("XENONnT", 1))
TEST_PAIR = (seen("JUNO", is_test=True), seen("XENONnT", 1, is_test=True))
TWO_EVENTS = (seen("JUNO"), seen("XENONnT", 11), seen("LVD", 9))
"""The last of these makes two alerts."""


def test_alerts_wait_for_the_broker_in_order(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(*PAIR)
    assert house.publisher.uuids() == []
    assert house.topic.done == [0, 1]
    house.say(seen("LVD", 2))
    assert house.publisher.uuids() == []  # it is not yet time to try again
    house.monotonic_s += 60
    house.server.round(0)
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]
    assert len(house.outbox) == 0


def waits(house: House, lines: list[EventDict], count: int) -> list[float]:
    """Let publishing fail that many times, and return for each how long it was until the next attempt, s."""
    found: list[float] = []
    for _ in range(count):
        house.publisher.failures = 1
        lines.clear()
        house.server.round(0)
        (line,) = said(lines, "alerts wait to be published")
        found.append(line["again_in_s"])
        attempts = len(house.publisher.attempts)
        house.monotonic_s += 0.99 * found[-1]
        house.server.round(0)
        assert len(house.publisher.attempts) == attempts
        house.monotonic_s += 0.02 * found[-1]
    return found


def test_attempts_are_paced_by_the_servers_own_clock(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.topic.write(*PAIR)
    assert waits(house, lines, 8) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    house.server.round(0)
    assert len(house.publisher.uuids()) == 1
    house.topic.write(seen("LVD", 2))
    assert waits(house, lines, 1) == [5.0]  # it went well for no time: the waits go on
    house.server.round(0)
    house.monotonic_s += 11
    house.topic.write(seen("IceCube", 3))
    assert waits(house, lines, 2) == [0.1, 0.2]
    house.server.round(0)
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2, 3]


@pytest.mark.parametrize("spared", [0, 1])
def test_of_two_alerts_of_one_message_only_the_one_that_failed_is_published_again(
    open_house: OpenHouse, lines: list[EventDict], spared: int
) -> None:
    house = open_house()
    house.publisher.failures, house.publisher.spared = 2, spared
    house.say(*TWO_EVENTS)
    assert len(house.publisher.uuids()) == spared
    for _ in range(2):
        house.monotonic_s += 60
        house.server.round(0)
    assert [alert["sub_list_number"] for alert in house.publisher.contents()] == [0, 1]
    assert house.storage.unpublished() == []
    assert len(said(lines, "PUBLISHING AN ALERT!!!")) == 2


def test_every_alert_is_announced_once_however_often_it_is_tried(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.publisher.failures = 5
    house.say(*PAIR, seen("LVD", 2))
    for _ in range(6):
        house.monotonic_s += 60
        house.server.round(0)
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]
    announced = said(lines, "PUBLISHING AN ALERT!!!")
    assert [line["revision"] for line in announced] == [1, 2]
    assert announced[0] == {
        "event": "PUBLISHING AN ALERT!!!",
        "log_level": "warning",
        "alert_type": "INITIAL",
        "detectors": ["JUNO", "XENONnT"],
        "sub_list_number": 0,
        "revision": 1,
        "event_id": house.publisher.contents()[0]["event_id"],
        "topic": "alerts",
    }
    assert len(said(lines, "alerts wait to be published")) == 5


def test_an_alert_of_tests_is_announced_as_one(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(seen("JUNO", 0, is_test=True), seen("XENONnT", 1, is_test=True))
    house.server.round(0)
    assert [line["alert_type"] for line in said(lines, "PUBLISHING AN ALERT!!!")] == ["TEST INITIAL"]


def test_what_was_published_and_not_marked_is_only_marked(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.storage.before["mark_published"].append(away)
    with pytest.raises(StoreUnreachable):
        house.say(*PAIR)
    assert len(house.publisher.uuids()) == 1
    house.server.round(0)
    assert len(house.publisher.attempts) == 1
    assert house.storage.unpublished() == []
    assert len(said(lines, "PUBLISHING AN ALERT!!!")) == 1


@pytest.mark.parametrize(
    ("missing", "there", "first", "second"),
    [("testing", "alerts", TEST_PAIR, PAIR), ("alerts", "testing", PAIR, TEST_PAIR)],
    ids=["tests'", "alerts'"],
)
def test_a_topic_that_fails_holds_up_no_other(
    open_house: OpenHouse, missing: str, there: str, first: Messages, second: Messages
) -> None:
    house = open_house()
    house.publisher.refused.add(missing)
    house.say(*first)
    house.say(*second)
    assert len(house.publisher.uuids(there)) == 1
    assert len(house.storage.unpublished()) == 1
    house.publisher.refused.clear()
    house.monotonic_s += 60
    house.server.round(0)
    assert len(house.publisher.uuids(missing)) == len(house.publisher.uuids(there)) == 1
    assert house.storage.unpublished() == []


def test_the_failures_of_one_topic_do_not_slow_another(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.publisher.refused.add("testing")
    house.say(*TEST_PAIR)
    for _ in range(5):
        house.monotonic_s += 60
        house.say()
    house.topic.write(*PAIR)
    assert waits(house, lines, 2) == [0.1, 0.2]


def test_real_alerts_go_first(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(*TEST_PAIR, *PAIR)
    assert house.publisher.attempts == ["alerts", "testing"]


def unmarked(house: House, *messages: dict[str, Any]) -> None:
    """Let alerts reach their topic, and the server die before it has marked them."""
    house.storage.before["mark_published"].append(away)
    with pytest.raises(StoreUnreachable):
        house.say(*messages)


@pytest.mark.parametrize("slow", [timedelta(0), timedelta(minutes=9)])
def test_the_clock_of_the_broker_may_be_slow(open_house: OpenHouse, slow: timedelta) -> None:
    house = open_house()
    house.publisher.now = START_UTC - slow
    unmarked(house, *PAIR)
    again = open_house(publisher=house.publisher)
    again.say()
    assert len(house.publisher.uuids()) == 1
    assert again.storage.unpublished() == []


def test_all_unmarked_alerts_are_looked_for_however_old(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lines: list[EventDict]
) -> None:
    house = open_house()
    monkeypatch.setattr(house.storage, "mark_published", nothing, raising=False)
    house.say(*PAIR)
    house.publisher.now += timedelta(hours=5)
    house.now_ns += 5 * 3_600 * 10**9
    house.say(seen("LVD", 2), seen("IceCube", 3))
    assert len(house.storage.unpublished()) == 3
    lines.clear()
    again = open_house(publisher=house.publisher)
    again.say()
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2, 3]
    assert said(lines, "PUBLISHING AN ALERT!!!") == []
    assert again.storage.unpublished() == []


def test_of_two_alerts_of_one_message_the_one_on_the_topic_is_not_published_again(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures, house.publisher.spared = 1, 1
    house.say(*TWO_EVENTS)
    again = open_house(publisher=house.publisher)
    again.say()
    assert [alert["sub_list_number"] for alert in house.publisher.contents()] == [0, 1]
    assert again.storage.unpublished() == []


def test_whatever_else_stands_on_the_topic(open_house: OpenHouse) -> None:
    house = open_house()
    unmarked(house, *TEST_PAIR)
    for junk in (b"{}", b'{"alert_uuid": []}', b'{"alert_uuid": {"a": null}}'):
        house.publisher.publish_all([Publication(url="testing", key="", payload=junk, message_id=bytes(16))])
    again = open_house(publisher=house.publisher)
    again.say()
    assert len(house.publisher.records("testing")) == 4
    assert again.storage.unpublished() == []


def test_a_topic_is_looked_at_once(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 3
    house.say(*PAIR)
    again = open_house(publisher=house.publisher)
    for _ in range(4):
        again.say()
        again.monotonic_s += 60
    again.say(seen("LVD", 2))
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]
    assert house.publisher.looks == ["alerts"]


def test_what_may_be_on_its_topic_waits_until_that_can_be_read(open_house: OpenHouse) -> None:
    house = open_house()
    unmarked(house, *PAIR)
    house.publisher.unreadable = True
    again = open_house(publisher=house.publisher)
    again.say(seen("LVD", 2))
    assert len(house.publisher.uuids()) == 1
    house.publisher.unreadable = False
    again.monotonic_s += 60
    again.say()
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]
    assert again.storage.unpublished() == []


def slowly(house: House, monkeypatch: pytest.MonkeyPatch, takes_s: float) -> None:
    """Let each publication take so long."""
    publish_all = house.publisher.publish_all

    def slow(publications: Sequence[Publication]) -> None:
        house.monotonic_s += takes_s
        publish_all(publications)

    monkeypatch.setattr(house.publisher, "publish_all", slow)


def test_told_to_stop_it_goes_on_for_a_while_and_no_longer(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(*(seen(detector, -100 * number) for number in range(6) for detector in ("JUNO", "LVD")))
    house.monotonic_s += 60
    slowly(house, monkeypatch, FINISH_WITHIN_S / 2)
    house.outbox.request_stop()
    house.say()
    assert len(house.publisher.uuids()) == 2
    assert len(house.outbox) == 4
    again = open_house(publisher=house.publisher)
    again.say()
    assert len(house.publisher.uuids()) == len(set(house.publisher.uuids())) == 6


def test_told_to_stop_it_publishes_for_a_second_and_leaves_the_rest(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(*PAIR)
    house.outbox.request_stop()
    house.monotonic_s += 0.9 * FINISH_WITHIN_S
    house.say()
    assert len(house.publisher.uuids()) == 1
    house.monotonic_s += 0.2 * FINISH_WITHIN_S
    house.say(seen("LVD", 2))
    assert len(house.publisher.uuids()) == 1
    again = open_house(publisher=house.publisher)
    again.say()
    assert [alert["revision"] for alert in house.publisher.contents()] == [1, 2]


def retract_many(house: House, count: int, **more: Any) -> None:
    """Let one message end so many events."""
    house.say(*(seen(detector, -100 * each, **more) for each in range(count) for detector in ("JUNO", "LVD")))
    for _ in range(count):
        house.say()
    assert len(house.outbox) == 0
    house.topic.write({"detector_name": "LVD", "tier": "Retraction", "retract_latest_n": "ALL", **more})


def test_however_many_tests_wait_a_real_alert_goes_out_soon(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of these are of one message, so that they cannot be told apart by their entries."""
    house = open_house()
    retract_many(house, 8, is_test=True)
    slowly(house, monkeypatch, 0.4 * TESTS_AT_ONCE_S)
    house.server.round(0)
    assert len(house.publisher.uuids("testing")) == 8 + 3
    assert house.outbox.wait_s == 0
    house.say(*PAIR)
    assert len(house.publisher.uuids()) == 1
    for _ in range(2):
        house.server.round(0)
    assert len(set(house.publisher.uuids("testing"))) == len(house.publisher.uuids("testing")) == 16
    assert house.storage.unpublished() == []


def test_told_to_stop_it_leaves_the_rest_of_an_entry_too(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()
    retract_many(house, 6)
    slowly(house, monkeypatch, FINISH_WITHIN_S / 2)
    house.outbox.request_stop()
    house.server.round(0)
    assert len(house.publisher.uuids()) == 6 + 2
    again = open_house(publisher=house.publisher)
    again.say()
    assert len(house.publisher.uuids()) == len(set(house.publisher.uuids())) == 12
