"""The loop of SPEC section 6 over a real store, step by step, when all goes well."""

from dataclasses import replace

import pytest
from structlog.typing import EventDict

from snews_cs.messages.limits import MAX_KEPT_BYTES
from snews_cs.server.housekeeping import SWEEP_EVERY_S
from snews_cs.server.loop import GROUP
from snews_cs.storage.sqlite import sql
from tests.server.conftest import OpenHouse, said, seen
from tests.support.server import check_alert


def test_one_message_one_entry_then_the_offset(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), b"junk", None, seen("XENONnT", 1))
    assert [entry.verdict.accepted for entry in house.entries()] == [True, False, False, True]
    assert house.topic.done == [0, 1, 2, 3]
    (record,) = house.publisher.records()
    check_alert(record.content)
    assert record.key == record.content["event_id"]
    assert house.storage.projected() == house.storage.last_sequence()
    assert house.storage.unpublished() == []


def test_what_no_store_could_hold_is_cut(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(b"x" * 20_000_000, seen("JUNO"))
    (cut, whole) = house.entries()
    assert len(cut.raw.value or b"") == MAX_KEPT_BYTES
    assert "20000000 bytes" in str(cut.verdict.reason).replace(",", "")
    assert whole.verdict.accepted


def test_what_is_journaled_is_skipped(open_house: OpenHouse) -> None:
    house = open_house()
    written = house.topic.write(seen("JUNO"), seen("XENONnT"))
    house.topic.deliver_again(*written)
    house.server.round(0)
    house.topic.deliver_again(*written, *written)
    house.server.round(0)
    assert len(house.entries()) == 2
    assert house.topic.done == [0, 1] * 4
    assert len(house.publisher.uuids()) == 1


def test_what_was_journaled_long_ago_is_skipped_too(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.known_keys.RECENT", 1)
    house = open_house()
    written = house.topic.write(seen("JUNO"), seen("XENONnT"), seen("LVD"))
    house.server.round(0)
    house.topic.deliver_again(*written)
    house.topic.write(seen("IceCube"))
    house.server.round(0)
    assert [entry.sequence for entry in house.entries()] == [1, 2, 3, 4]
    assert house.topic.done == [0, 1, 2, 0, 1, 2, 3]


def test_a_topic_made_anew_is_not_taken_for_the_old_one(open_house: OpenHouse) -> None:
    house = open_house()
    (first,) = house.topic.write(seen("JUNO"))
    house.server.round(0)
    house.topic.deliver_again(replace(first, timestamp_ms=first.timestamp_ms + 1))
    house.server.round(0)
    assert len(house.entries()) == 2


def test_a_backlog_is_appended_in_groups(open_house: OpenHouse) -> None:
    house = open_house()
    groups: list[int] = []
    house.storage.before["append"].extend([lambda entries: groups.append(len(entries))] * 3)
    house.topic.write(*[b"junk"] * (GROUP + 1), seen("JUNO"))
    house.run()
    assert groups == [GROUP, 2]
    assert len(house.entries()) == GROUP + 2


def test_tests_go_to_their_own_topic(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO", is_test=True), seen("XENONnT", is_test=True))
    assert house.publisher.uuids() == []
    assert len(house.publisher.uuids("testing")) == 1


def test_what_is_over_is_swept_once_a_minute_when_it_is_quiet(open_house: OpenHouse) -> None:
    house = open_house()
    swept: list[int] = []
    house.storage.before["sweep"].extend([swept.append] * 9)
    house.say(seen("JUNO"))
    assert swept == []
    house.say()
    house.say()
    assert len(swept) == 1
    house.monotonic_s += SWEEP_EVERY_S - 1
    house.now_ns += 10 * 365 * 86_400 * 10**9  # somebody sets the clock
    house.say()
    assert len(swept) == 1
    house.now_ns -= 10 * 365 * 86_400 * 10**9  # and back
    house.monotonic_s += 2
    house.say()
    assert len(swept) == 2


def test_a_swept_observation_is_no_longer_shown(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    house.say()
    assert len(house.rows("cache")) == 1
    house.now_ns += 86_400 * 10**9
    house.monotonic_s += SWEEP_EVERY_S
    house.say()
    assert house.rows("cache") == []


def test_much_that_is_over_is_swept_in_parts_one_in_each_quiet_round(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = 2
    sweep = tuple(statement.replace(f"LIMIT {sql.SWEPT}", f"LIMIT {part}") for statement in sql.SWEEP)
    monkeypatch.setattr(sql, "SWEEP", sweep)
    house = open_house()
    house.say(*[seen("JUNO", 2.0 * number) for number in range(5)])
    house.say()
    house.now_ns += 86_400 * 10**9 + 10 * 10**9
    house.monotonic_s += SWEEP_EVERY_S
    left = []
    for _ in range(4):
        house.say()
        left.append(len(house.rows("cache")))
    assert left == [3, 1, 0, 0]


def test_running_takes_what_comes_until_told_to_stop(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.topic.write(seen("JUNO"), seen("XENONnT"))
    house.run()
    assert house.topic.done == [0, 1]
    assert len(house.publisher.uuids()) == 1
    house.topic.write(seen("LVD"))
    house.run()
    assert len(house.topic) == 1
    assert said(lines, "DEGRADED") == []
