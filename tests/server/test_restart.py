"""What a server takes up when it starts: the engine, the parameters, and what was left undone."""

from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.messages.types import Parameters
from snews_cs.server.projector import MOST
from snews_cs.server.snapshots import SNAPSHOT_AFTER
from tests.server.conftest import House, OpenHouse, said, seen
from tests.support.flaky import away, nothing

NARROW = Parameters(coincidence_threshold_ns=5 * 10**9)


def fill(house: House, count: int, **message: Any) -> None:
    """Let that many messages of different times come, in one busy round after the other."""
    house.topic.write(*({**seen("JUNO", -20.0 * number), **message} for number in range(count)))
    while house.topic:
        house.server.round(0)


def test_numbers_events_and_revisions_are_restored(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1), seen("LVD", 30))
    again = open_house(publisher=house.publisher)
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()
    with pytest.raises(IndexError):
        again.journal.engine.undo()  # what stands in the journal is settled
    assert len(again.publisher.uuids()) == 1
    again.say(seen("IceCube", 2))
    initial, update = again.publisher.contents()
    assert (update["event_id"], update["revision"], update["supersedes"]) == (
        initial["event_id"],
        2,
        initial["alert_uuid"],
    )


def test_a_snapshot_is_taken_when_it_is_quiet(open_house: OpenHouse) -> None:
    house = open_house()
    fill(house, SNAPSHOT_AFTER - 1)
    house.say()
    assert house.storage.latest_snapshot() is None
    fill(house, 1, detector_name="LVD")
    assert house.storage.latest_snapshot() is None  # busy, and there is more to remember than has come
    house.say()
    assert house.storage.latest_snapshot() == (SNAPSHOT_AFTER, house.journal.engine.snapshot())
    fill(house, SNAPSHOT_AFTER - 1, detector_name="XENONnT")
    house.say()
    assert house.storage.latest_snapshot()[0] == SNAPSHOT_AFTER
    house.say(b"one more")
    house.say()
    assert house.storage.latest_snapshot()[0] == 2 * SNAPSHOT_AFTER
    again = open_house()
    again.storage.before["save_snapshot"].append(away)
    again.say()  # that of before the restart is as good


def test_a_snapshot_is_taken_under_load_when_it_costs_no_more_than_the_entries(open_house: OpenHouse) -> None:
    house = open_house()
    fill(house, 10)
    remembered = house.journal.engine.remembered
    assert remembered >= 10
    fill(house, SNAPSHOT_AFTER, tier="Heartbeat", detector_status="ON")
    snapshot = house.storage.latest_snapshot()
    assert snapshot is not None
    assert SNAPSHOT_AFTER <= snapshot[0] < SNAPSHOT_AFTER + 200
    assert house.journal.engine.remembered == remembered


def test_after_a_snapshot_only_what_is_behind_it_is_read(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    house.storage.save_snapshot(1, house.journal.engine.snapshot())
    house.say(seen("XENONnT", 1))
    again = open_house(started=False)
    again.storage.before["entries"].extend([nothing, nothing, away])  # the entry behind it, the end, and no more
    again.server.start(again.stop)
    assert not again.storage.before["entries"]  # what failed is the reading of what was not projected
    assert again.journal.sequence == 2
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()


@pytest.mark.parametrize("cut", [0, 1, 40, -40], ids=["empty", "begun", "head", "tail"])
def test_instead_of_a_snapshot_that_cannot_be_read_the_whole_journal_is(
    open_house: OpenHouse, lines: list[EventDict], cut: int
) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1))
    house.storage.save_snapshot(2, house.journal.engine.snapshot()[:cut])
    again = open_house(publisher=house.publisher)
    assert len(said(lines, "reading the whole journal")) == 1
    assert again.journal.sequence == 2
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()
    again.say(seen("LVD", 2))
    assert again.publisher.contents()[-1]["revision"] == 2


@pytest.mark.parametrize("taken", [False, True], ids=["lost", "on the topic"])
def test_an_unmarked_alert_is_published_once(open_house: OpenHouse, taken: bool) -> None:
    house = open_house()
    house.publisher.failures, house.publisher.taken = 1, taken
    house.say(seen("JUNO"), seen("XENONnT", 1))
    again = open_house(publisher=house.publisher)
    again.server.round(0)
    assert len(again.publisher.uuids()) == 1
    assert again.storage.unpublished() == []


@pytest.mark.parametrize("lag", [2, MOST, MOST + 1])
def test_projections_that_lag_behind_are_brought_up(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lag: int
) -> None:
    house = open_house()
    house.say(seen("KamLAND"))
    monkeypatch.setattr(house.storage, "project", nothing, raising=False)
    house.topic.write(seen("JUNO", 20), seen("XENONnT", 21), *[b"junk"] * (lag - 2))
    house.run()
    assert house.storage.projected() == 1
    again = open_house()
    assert again.storage.projected() == min(1 + MOST, lag + 1)
    again.say()
    assert again.storage.projected() == lag + 1
    assert [row["detector_name"] for row in again.rows("cache")] == ["KamLAND", "JUNO", "XENONnT"]
    assert len(again.rows("coincidence_tier_alerts")) == 1
    assert len(again.rows("quarantine")) == lag - 2


def test_changed_parameters_are_an_entry_of_the_journal(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 9))
    again = open_house(parameters=NARROW)
    assert [type(entry.message) for entry in again.storage.entries()][-1] is Parameters
    (line,) = said(lines, "the engine's parameters change")
    assert line["coincidence_threshold_ns"] == "10000000000 -> 5000000000"
    again.say(seen("LVD", 4), seen("IceCube", 8))
    assert [alert["detector_names"] for alert in again.publisher.contents()] == [
        ["JUNO", "LVD"],
        ["LVD", "XENONnT"],
        ["LVD", "IceCube", "XENONnT"],
    ]
    replayed = open_house(parameters=NARROW)
    assert replayed.journal.engine.snapshot() == again.journal.engine.snapshot()
    assert replayed.journal.sequence == again.journal.sequence


def test_changed_parameters_are_taken_up_though_another_writer_takes_their_number(open_house: OpenHouse) -> None:
    house = open_house()
    again = open_house(parameters=NARROW, started=False)
    again.storage.before["append"].extend([lambda _: house.say(seen("JUNO")), lambda _: house.say(seen("LVD", 9))])
    again.server.start(again.stop)
    assert again.journal.engine.parameters == NARROW
    assert again.journal.sequence == again.storage.last_sequence() == 3
    again.say(seen("XENONnT", 4))
    assert [alert["detector_names"] for alert in again.publisher.contents()] == [
        ["JUNO", "XENONnT"],
        ["XENONnT", "LVD"],
    ]


def test_a_wish_to_stop_ends_the_reading_of_a_long_journal(open_house: OpenHouse) -> None:
    house = open_house()
    house.storage.before["project"].append(away)
    house.say(*(seen("JUNO", 20.0 * number) for number in range(3)))
    again = open_house(started=False, parameters=NARROW)
    again.storage.before["entries"].extend([nothing, again.stop.make])
    again.topic.write(seen("LVD"))
    again.server.run(again.stop, 0)
    assert not again.storage.before["entries"]
    assert again.journal.sequence == 0  # what is not whole is not used
    assert len(again.topic) == 1
    assert again.spool.snapshot() is None
    assert again.storage.last_sequence() == 3
    assert again.storage.projected() == 0
    assert open_house().journal.engine.snapshot() == house.journal.engine.snapshot()
