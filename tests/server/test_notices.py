"""Notices: what is told to detectors whose observations raise no alert."""

import json
from typing import Any
from uuid import uuid4

import pytest

from snews_cs.messages.times import format_utc
from tests.server.conftest import START, House, OpenHouse, seen

TOPIC = "no-coincidence"
ALONE = "no other detector saw anything within 10 s of it"
HIDDEN = "the alert that stands counts an earlier observation of this detector"


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    return open_house(notices_topic=TOPIC)


def told(house: House) -> list[dict[str, Any]]:
    """Return what the notices since the last time say."""
    assert {notice.url for notice in house.notices} <= {TOPIC}
    contents = [json.loads(notice.payload) for notice in house.notices]
    house.notices.clear()
    return contents


def brief(house: House) -> list[tuple[str, list[int], str]]:
    """Return what became of observations without an alert, the sublists that they are in, and the reason."""
    return [(each["became"], each["sub_list_numbers"], each["reason"]) for each in told(house)]


def test_it_says_which_observation_where_it_is_and_why(house: House) -> None:
    uuid = str(uuid4())
    house.say(seen("JUNO", 0.123456789, uuid=uuid, is_pre_sn=True))
    (entry,) = house.entries()
    (notice,) = house.notices
    assert notice.key == "JUNO"
    sent_time = format_utc(entry.received_ns)
    assert told(house) == [
        {
            "_id": f"SNEWS_No_Coincidence {sent_time}",
            "id": f"SNEWS_No_Coincidence {sent_time}",
            "sent_time": sent_time,
            "detector_name": "JUNO",
            "message_uuid": uuid,
            "neutrino_time": format_utc(START - 60 * 10**9 + 123_456_789),
            "is_test": False,
            "is_pre_sn": True,
            "is_firedrill": False,
            "became": "opened",
            "sub_list_numbers": [0],
            "event_ids": [],
            "reason": ALONE,
            "degraded": False,
            "server_tag": "test",
            "schema_version": "1.0",
        }
    ]


def test_who_raises_an_alert_is_told_nothing_and_so_is_who_says_something_else(house: House) -> None:
    house.say(seen("JUNO"))
    assert brief(house) == [("opened", [0], ALONE)]
    house.say(
        seen("XENONnT", 1),
        {"detector_name": "JUNO", "tier": "Heartbeat", "detector_status": "ON"},
        {"detector_name": "JUNO", "tier": "Retraction", "retract_latest_n": 1},
        b"junk",
        seen("Gallex"),
    )
    assert len(house.publisher.contents()) == 2
    assert told(house) == []


def test_what_was_known_says_in_which_sublists_it_is(house: House) -> None:
    first = seen("JUNO", uuid=str(uuid4()))
    house.say(seen("XENONnT", -9), first, seen("LVD", 9))
    assert brief(house) == [("opened", [0], ALONE)]
    house.say(first, seen("JUNO", uuid=str(uuid4())))
    assert brief(house) == [
        ("duplicate", [0, 1], "this very message came before"),
        ("repeated", [0, 1], "the same as an observation of this detector that is known already"),
    ]
    events = {alert["event_id"] for alert in house.publisher.contents()}
    house.say(first)
    assert set(told(house)[0]["event_ids"]) == events


def test_an_observation_behind_another_of_its_detector_changes_no_alert(house: House) -> None:
    house.say(seen("JUNO"), seen("XENONnT", 1), seen("JUNO", 5))
    assert brief(house) == [("opened", [0], ALONE), ("opened", [0], HIDDEN)]
    house.say(seen("JUNO", 5.5))
    assert brief(house) == [("refined", [0], HIDDEN)]


def test_what_counts_for_nothing_is_told_so(house: House) -> None:
    uuid = str(uuid4())
    house.say(
        {"detector_name": "JUNO", "tier": "Retraction", "retract_message_uuid": uuid},
        seen("JUNO", uuid=uuid),
        seen("LVD", -30 * 3600),
    )
    assert brief(house) == [
        ("retracted before", [], "its retraction came before it"),
        ("expired", [], "its time was over when it came"),
    ]


def test_what_was_withdrawn_and_comes_again_is_in_no_sublist(house: House) -> None:
    message = seen("JUNO", uuid=str(uuid4()))
    house.say(message, {"detector_name": "JUNO", "tier": "Retraction", "retract_latest_n": 1}, message)
    assert [each[:2] for each in brief(house)] == [("opened", [0]), ("duplicate", [])]


def test_tests_are_told_too_and_marked(house: House) -> None:
    house.say(seen("JUNO", is_test=True), seen("XENONnT", 1))
    assert [(each["detector_name"], each["is_test"]) for each in told(house)] == [("JUNO", True), ("XENONnT", False)]


def test_a_message_that_comes_again_after_a_lost_commit_is_told_nothing_twice(house: House) -> None:
    written = house.topic.write(seen("JUNO"))
    house.server.round(0)
    house.topic.deliver_again(*written)
    house.server.round(0)
    assert len(told(house)) == 1


def test_nothing_is_sent_before_the_alerts_of_its_round(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house = open_house(notices_topic=TOPIC)
    sent_before: list[int] = []
    publish_all = house.publisher.publish_all

    def publish(publications: Any) -> None:
        sent_before.append(len(house.notices))
        publish_all(publications)

    monkeypatch.setattr(house.publisher, "publish_all", publish)
    house.say(seen("LVD", 100), seen("JUNO"), seen("XENONnT", 1))
    assert sent_before == [0]
    assert len(told(house)) == 2


def test_only_the_server_that_journaled_a_message_tells(open_house: OpenHouse) -> None:
    houses = [open_house(notices_topic=TOPIC, tag=tag) for tag in ("north", "south")]
    written = houses[0].topic.write(seen("JUNO"))
    houses[1].topic.deliver_again(*written)
    for house in houses:
        house.monotonic_s += 1
        house.server.round(0)
    assert [each["server_tag"] for house in houses for each in told(house)] == ["north"]


@pytest.mark.parametrize("is_conflict", [True, False])
def test_a_group_that_was_journaled_in_part_is_told_once(house: House, *, is_conflict: bool) -> None:
    house.storage.append_only(1, conflict=is_conflict)
    house.turn(seen("JUNO"), seen("LVD", 100))
    house.settle()
    assert [entry.sequence for entry in house.entries()] == [1, 2]
    assert [each["detector_name"] for each in told(house)] == ["JUNO", "LVD"]


def test_what_is_decided_alone_says_so_and_is_not_told_again(house: House) -> None:
    house.lose_store(seen("JUNO"))
    assert [(each["detector_name"], each["degraded"]) for each in told(house)] == [("JUNO", True)]
    house.find_store()
    assert len(house.entries()) == 1
    assert told(house) == []


def test_without_a_topic_nobody_is_told(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    assert told(house) == []
