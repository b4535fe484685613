"""The store is back: what was decided alone goes into the journal, and readers are put right."""

from collections.abc import Sequence

import pytest
from structlog.typing import EventDict

from snews_cs.storage.entry import Entry
from tests.server.conftest import PASSWORD, OpenHouse, said, seen
from tests.server.ending import check_end
from tests.server.returning import FIRST, FOURTH, HOUR_NS, SECOND, THIRD, alerts, parted, reconciles, settle
from tests.support.flaky import Flaky


def test_what_was_alerted_alone_is_not_alerted_again(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.lose_store(FIRST, SECOND)
    house.find_store()
    assert alerts(house) == [("INITIAL", 1, ["JUNO", "XENONnT"])]
    assert [entry.writer for entry in house.entries()] == ["test", "test"]
    assert reconciles(house) == []
    house.say(THIRD)
    assert alerts(house)[1:] == [("UPDATE", 2, ["JUNO", "XENONnT", "LVD"])]
    assert house.publisher.contents()[1]["supersedes"] == house.publisher.contents()[0]["alert_uuid"]
    assert not house.publisher.contents()[1]["degraded"]
    check_end(house)


def test_verdicts_and_times_are_those_of_the_moment(open_house: OpenHouse) -> None:
    house = open_house()
    house.lose_store(FIRST, b"junk", {**seen("LVD"), "is_firedrill": True}, seen("NOvA", 119))
    spooled = list(house.disk.storage.entries())
    assert [entry.verdict.accepted for entry in spooled] == [True, False, False, True]
    house.now_ns += 50 * HOUR_NS
    house.find_store()
    kept = [(entry.key, entry.received_ns, entry.raw, entry.message, entry.verdict) for entry in spooled]
    assert kept == [
        (entry.key, entry.received_ns, entry.raw, entry.message, entry.verdict) for entry in house.entries()
    ]
    check_end(house)


def test_what_another_server_journaled_first_is_skipped(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    written = ours.topic.write(FIRST, SECOND, THIRD)
    ours.lose_store()
    theirs.topic.deliver_again(*written)
    theirs.settle()
    settle(ours, theirs)
    assert [entry.writer for entry in ours.entries()] == ["other"] * 3
    assert len(set(ours.publisher.uuids())) == 2
    assert reconciles(ours) == []


def test_what_the_broker_took_alone_is_marked_for_another_server(open_house: OpenHouse) -> None:
    """The other one cannot publish what it journaled; we did, and say so."""
    ours = open_house()
    theirs = open_house(tag="other")
    written = ours.topic.write(FIRST, SECOND)
    ours.lose_store()
    theirs.topic.deliver_again(*written)
    theirs.publisher.failures = 1
    theirs.server.round(0)
    assert len(theirs.storage.unpublished()) == 1
    settle(ours)
    assert len(ours.publisher.uuids()) == 1


def test_what_an_earlier_server_sent_alone_is_marked_for_another(open_house: OpenHouse) -> None:
    ours = open_house(started=False)
    ours.begin()
    theirs = open_house(tag="other")
    written = ours.topic.write(FIRST, SECOND)
    ours.lose_store()
    theirs.topic.deliver_again(*written)
    theirs.publisher.failures = 1
    theirs.server.round(0)
    again = open_house(started=False, publisher=ours.publisher, disk=Flaky(ours.disk.storage))
    again.begin()
    check_end(again)
    assert alerts(ours) == [("INITIAL", 1, ["JUNO", "XENONnT"])]


def test_what_the_broker_did_not_take_while_alone_it_has_not(open_house: OpenHouse) -> None:
    """It need not be looked for: no server was restarted."""
    house = open_house()
    house.publisher.failures = 20
    house.lose_store(FIRST, SECOND)
    house.storage.is_away = False
    for _ in range(5):
        house.monotonic_s += 5
        house.turn()
    assert not house.is_alone
    house.publisher.failures = 0
    settle(house)
    assert alerts(house) == [("INITIAL", 1, ["JUNO", "XENONnT"])]
    assert house.publisher.looks == []


def test_another_outcome_puts_readers_right(open_house: OpenHouse, lines: list[EventDict]) -> None:
    ours, theirs = parted(open_house)
    settle(ours, theirs)
    (reconcile,) = reconciles(ours)
    assert [(sent.revision, len(sent.members)) for sent in reconcile.alerts] == [(2, 3)]
    assert ours.publisher.contents()[-1]["merged_event_ids"] == [reconcile.alerts[0].event_id]
    assert said(lines, "ALARM") == []


def test_what_was_retracted_meanwhile_is_retracted(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(seen("JUNO", uuid="a mistake"))
    ours.lose_store(SECOND)
    theirs.say(
        {"detector_name": "JUNO", "tier": "Retraction", "retract_message_uuid": "a mistake", "retraction_reason": ""}
    )
    settle(ours, theirs)
    assert alerts(ours) == [("INITIAL", 1, ["JUNO", "XENONnT"]), ("RETRACTION", 2, ["JUNO", "XENONnT"])]


def test_a_reset_meanwhile_ends_what_was_alerted_alone(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(FIRST)
    ours.lose_store(SECOND)
    theirs.say({"_id": "0_hard-reset", "pass": PASSWORD, "detector_name": "XENONnT", "is_test": False, "meta": {}})
    assert theirs.entries()[-1].verdict.accepted
    settle(ours, theirs)
    assert [kind for kind, *_ in alerts(ours)] == ["INITIAL", "RETRACTION"]


def test_what_expires_meanwhile_is_closed_silently(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(FIRST)
    house.lose_store(SECOND)
    house.now_ns += 25 * HOUR_NS
    house.find_store()
    check_end(house)
    assert len(alerts(house)) == 1


def test_what_had_expired_in_the_journal_is_retracted(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(FIRST)
    ours.lose_store(SECOND)
    theirs.now_ns += 25 * HOUR_NS
    theirs.say(b"junk", seen("KamLAND", 90_000))
    settle(ours, theirs)
    assert [kind for kind, *_ in alerts(ours)] == ["INITIAL", "RETRACTION"]


@pytest.mark.parametrize("is_test", [False, True])
def test_two_servers_were_alone_at_once(open_house: OpenHouse, is_test: bool) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    first, second, third, fourth = ours.topic.write(
        *({**each, "is_test": is_test} for each in (FIRST, SECOND, THIRD, FOURTH))
    )
    for house, messages in [(ours, (first, second, third, fourth)), (theirs, (third, fourth, second, first))]:
        house.topic.batch(0, 10)
        house.topic.deliver_again(*messages)
        house.lose_store()
    settle(ours, theirs)
    assert len(reconciles(ours)) == 1
    assert len(ours.entries()) == 4


def test_tests_and_real_ones_are_reconciled_apart(open_house: OpenHouse) -> None:
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    for is_test in (True, False):
        theirs.say(seen("JUNO", is_test=is_test, uuid="a mistake"))
    ours.say()
    ours.monotonic_s += 1
    ours.say()
    ours.lose_store(seen("XENONnT", 1, is_test=True), SECOND)
    for is_test in (True, False):
        theirs.say(
            {
                "detector_name": "JUNO",
                "tier": "Retraction",
                "retract_message_uuid": "a mistake",
                "retraction_reason": "",
                "is_test": is_test,
            }
        )
    settle(ours, theirs)
    assert [message.is_test for message in reconciles(ours)] == [False, True]
    assert [kind for kind, *_ in alerts(ours)] == ["INITIAL", "RETRACTION"]
    assert [each["alert_type"] for each in ours.publisher.contents("testing")] == ["TEST INITIAL", "TEST RETRACTION"]


def test_a_long_spool_is_journaled_in_groups(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", 3)
    house = open_house()
    house.lose_store(*(seen("JUNO", 20.0 * number) for number in range(8)), seen("LVD"))
    groups: list[int] = []

    def note(entries: Sequence[Entry]) -> None:
        groups.append(len(entries))

    house.storage.before["append"].extend([note] * 9)
    house.find_store()
    assert groups[:3] == [3, 3, 3]
    check_end(house)
