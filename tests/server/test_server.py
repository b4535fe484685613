"""The loop of SPEC section 6 over a real store, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import StoreUnreachable
from snews_cs.messages.limits import MAX_KEPT_BYTES
from snews_cs.messages.types import Parameters
from snews_cs.server.journal import SNAPSHOT_AFTER
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from tests.server.conftest import House, seen
from tests.support.server import check_alert

OpenHouse = Callable[..., House]


class Flaky:
    """A store whose next appends fail: before they happen, or (``in_doubt``) after."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.failures = 0
        self.in_doubt = False

    def append(self, entries: Sequence[Entry]) -> None:
        """Fail if told to."""
        if self.failures:
            self.failures -= 1
            if self.in_doubt:
                self._storage.append(entries)
            raise StoreUnreachable("the store is played to be away")
        self._storage.append(entries)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def entries(house: House) -> list[Entry]:
    """Return the journal without the entries the server wrote of its own accord."""
    return [entry for entry in house.storage.entries() if entry.raw.partition >= 0]


def test_one_message_one_entry_then_the_offset(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), b"junk", None, seen("XENONnT", 1))
    assert [entry.verdict.accepted for entry in entries(house)] == [True, False, False, True]
    assert house.topic.done == [0, 1, 2, 3]
    assert len(house.publisher.uuids()) == 1
    check_alert(house.publisher.published["alerts"][0])
    assert house.publisher.keys == [house.publisher.published["alerts"][0]["event_id"]]
    assert house.storage.projected() == house.storage.last_sequence()
    assert house.storage.unpublished() == []


def test_what_no_store_could_hold_is_cut(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(b"x" * 20_000_000, seen("JUNO"))
    (cut, whole) = entries(house)
    assert len(cut.raw.value or b"") == MAX_KEPT_BYTES
    assert "20000000 bytes" in str(cut.verdict.reason).replace(",", "")
    assert whole.verdict.accepted


def test_what_is_journaled_is_skipped(open_house: OpenHouse) -> None:
    house = open_house()
    written = house.topic.write(seen("JUNO"), seen("XENONnT"))
    house.server.round(0)
    house.topic.deliver_again(*written, *written)
    house.server.round(0)
    assert len(entries(house)) == 2
    assert len(house.publisher.uuids()) == 1


def test_a_topic_made_anew_is_not_taken_for_the_old_one(open_house: OpenHouse) -> None:
    house = open_house()
    (first,) = house.topic.write(seen("JUNO"))
    house.server.round(0)
    house.topic.deliver_again(replace(first, timestamp_ms=first.timestamp_ms + 1))
    house.server.round(0)
    assert len(entries(house)) == 2


def test_a_restart_restores_numbers_events_and_revisions(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1), seen("LVD", 30))
    again = open_house(publisher=house.publisher)
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()
    assert len(again.publisher.uuids()) == 1
    again.say(seen("IceCube", 2))
    initial, update = again.publisher.published["alerts"]
    assert (update["event_id"], update["revision"], update["supersedes"]) == (
        initial["event_id"],
        2,
        initial["alert_uuid"],
    )


def test_a_restart_from_a_snapshot_reads_only_what_is_after_it(open_house: OpenHouse) -> None:
    house = open_house()
    for start in range(0, SNAPSHOT_AFTER, 100):
        house.say(*(seen("JUNO", -20.0 * number) for number in range(start, start + 100)))
    house.say()  # idle: the snapshot is taken
    snapshot = house.storage.latest_snapshot()
    assert snapshot is not None
    house.say(seen("XENONnT", 1))
    again = open_house()
    assert again.journal.sequence == snapshot[0] + 1
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()


@pytest.mark.parametrize("in_doubt", [False, True], ids=["not written", "written all the same"])
def test_an_append_that_fails_is_undone_and_made_good(open_house: OpenHouse, in_doubt: bool) -> None:
    house = open_house(Flaky)
    house.say(seen("JUNO"))
    before = house.journal.engine.snapshot()
    flaky = house.storage
    assert isinstance(flaky, Flaky)
    flaky.failures, flaky.in_doubt = 1, in_doubt
    with pytest.raises(StoreUnreachable):
        house.say(seen("XENONnT", 1), seen("LVD", 2))
    assert house.journal.engine.snapshot() == before
    assert house.topic.done == [0]
    house.server.round(0)
    assert [entry.sequence for entry in house.storage.entries()] == [1, 2, 3]
    assert house.topic.done == [0, 1, 2]
    assert [alert["alert_type"] for alert in house.publisher.published["alerts"]] == ["INITIAL", "UPDATE"]
    assert house.storage.unpublished() == []


def test_another_server_wrote_first(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(topic=ours.topic, publisher=ours.publisher)
    theirs.say(seen("JUNO"))
    ours.say(seen("XENONnT", 1))
    assert [entry.sequence for entry in ours.storage.entries()] == [1, 2]
    assert ours.publisher.published["alerts"][0]["detector_names"] == ["JUNO", "XENONnT"]
    theirs.say(seen("LVD", 2))
    assert ours.publisher.published["alerts"][1]["revision"] == 2
    assert theirs.journal.sequence == 3


def test_alerts_wait_for_the_broker_in_order(open_house: OpenHouse) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(seen("JUNO"), seen("XENONnT", 1))
    assert house.publisher.uuids() == []
    assert house.topic.done == [0, 1]
    house.say(seen("LVD", 2))
    assert house.publisher.uuids() == []  # it is not yet time to try again
    house.monotonic_s += 60
    house.server.round(0)
    assert [alert["revision"] for alert in house.publisher.published["alerts"]] == [1, 2]
    assert len(house.outbox) == 0


@pytest.mark.parametrize("taken", [False, True], ids=["lost", "on the topic"])
def test_an_unmarked_alert_is_published_once_after_a_restart(open_house: OpenHouse, taken: bool) -> None:
    house = open_house()
    house.publisher.failures, house.publisher.taken = 1, taken
    house.say(seen("JUNO"), seen("XENONnT", 1))
    again = open_house(publisher=house.publisher)
    again.server.round(0)
    assert len(again.publisher.uuids()) == 1
    assert again.storage.unpublished() == []


def test_tests_go_to_their_own_topic(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO", is_test=True), seen("XENONnT", is_test=True))
    assert house.publisher.uuids() == []
    assert len(house.publisher.uuids("testing")) == 1


def test_a_fault_of_the_engine_costs_one_message(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house = open_house()
    apply = Engine.apply

    def faulty(self: Engine, message: Any, received_ns: int, key: str) -> Any:
        outcome = apply(self, message, received_ns, key)
        if message.detector_name == "LVD":
            self.undo()
            raise ZeroDivisionError
        return outcome

    monkeypatch.setattr(Engine, "apply", faulty)
    house.say(seen("JUNO"), seen("LVD"), seen("XENONnT"))
    assert [entry.verdict.accepted for entry in entries(house)] == [True, False, True]
    assert "ZeroDivisionError" in str(entries(house)[1].verdict.reason)
    assert len(house.publisher.uuids()) == 1


def test_changed_parameters_are_an_entry_of_the_journal(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 9))
    narrow = Parameters(coincidence_threshold_ns=5 * 10**9)
    again = open_house(parameters=narrow)
    assert [type(entry.message) for entry in again.storage.entries()][-1] is Parameters
    again.say(seen("LVD", 4), seen("IceCube", 8))
    assert [alert["detector_names"] for alert in again.publisher.published["alerts"]] == [
        ["JUNO", "LVD"],
        ["LVD", "XENONnT"],
        ["LVD", "IceCube", "XENONnT"],
    ]
    replayed = open_house(parameters=narrow)
    assert replayed.journal.engine.snapshot() == again.journal.engine.snapshot()


def test_another_outcome_than_the_journals_is_an_alarm(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1))
    monkeypatch.setattr("snews_cs.coincidence.alerts.MIN_DETECTORS", 3)
    open_house()
    assert "ALARM" in capsys.readouterr().out
