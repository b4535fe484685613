"""The store is back: what was decided alone goes into the journal, and readers are put right."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Reconcile
from snews_cs.storage.entry import Entry
from tests.server.conftest import PASSWORD, House, OpenHouse, said, seen
from tests.server.ending import check_end
from tests.support.flaky import Flaky, nothing

FIRST, SECOND, THIRD, FOURTH = seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2), seen("IceCube", 3)
HOUR_NS = 3_600 * 10**9


def settle(*houses: House) -> None:
    """Let all of them be done, and check the end."""
    for _ in range(2):
        for house in houses:
            house.storage.is_away = False
            house.monotonic_s += 1  # long enough to look what the others have written
            house.settle()
    check_end(*houses)


def alerts(house: House) -> list[tuple[str, int, list[str]]]:
    """Return type, revision and detectors of each alert on the topic."""
    return [(each["alert_type"], each["revision"], each["detector_names"]) for each in house.publisher.contents()]


def reconciles(house: House) -> list[Reconcile]:
    """Return the reconcile entries of the journal."""
    messages = [entry.message for entry in house.storage.storage.entries()]
    return [message for message in messages if isinstance(message, Reconcile)]


def parted(open_house: OpenHouse) -> tuple[House, House]:
    """Return a server that has alerted alone, and another that has journaled something else meanwhile."""
    ours = open_house(started=False)
    ours.begin()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(FIRST)
    ours.lose_store(SECOND)
    ours.turn(THIRD)
    theirs.say(FOURTH)
    assert alerts(ours) == [
        ("INITIAL", 1, ["JUNO", "XENONnT"]),
        ("UPDATE", 2, ["JUNO", "XENONnT", "LVD"]),
        ("INITIAL", 1, ["JUNO", "IceCube"]),
    ]
    return ours, theirs


# What is in the journal in the end


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


# What comes in between

STORE_CALLS = {
    "prepare": 1,
    "latest_snapshot": 1,
    "entries": 7,
    "known_keys": 1,
    "append": 2,
    "projected": 1,
    "project": 1,
    "unpublished": 1,
    "unmarked": 1,
    "mark_published": 1,
}
"""How often what is asked of the store after :func:`parted`, at least."""

DISK_CALLS = {"entries": 2, "drop": 1}
"""The same of the disk."""

MOMENTS = [
    (side, method, number, done)
    for side, calls in [("storage", STORE_CALLS), ("disk", DISK_CALLS)]
    for method, count in calls.items()
    for number in range(count)
    for done in ([False] if method == "entries" else [False, True])
]


@pytest.fixture(params=[None, 1], ids=["in one go", "step by step"])
def pace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the way back be one turn, or one turn for each message."""
    if request.param is not None:
        go_slowly(monkeypatch, request.param)


def go_slowly(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let so many spooled messages be journaled in each turn, and half as many taken in."""
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", step)
    monkeypatch.setattr("snews_cs.server.loop.FEW", (step + 1) // 2)
    monkeypatch.setattr("snews_cs.server.loop.OPEN_FOR_S", 0.0)


class Crash(BaseException):
    """The server dies."""


def crash(*_: Any) -> None:
    """Let the server die."""
    raise Crash


@pytest.mark.usefixtures("pace")
@pytest.mark.parametrize(("side", "method", "number", "done"), MOMENTS)
def test_a_crash_on_the_way_back(
    open_house: OpenHouse, lines: list[EventDict], side: str, method: str, number: int, done: bool
) -> None:
    ours, theirs = parted(open_house)
    flaky = getattr(ours, side)
    (flaky.after if done else flaky.before)[method].extend([*[nothing] * number, crash])
    with pytest.raises(Crash):
        ours.find_store()
    again = open_house(started=False, publisher=ours.publisher, disk=Flaky(ours.disk.storage))
    again.topic.write(FIRST, SECOND, THIRD)
    again.begin()
    again.topic.write(seen("KamLAND", 4))
    settle(again, theirs)
    assert len(reconciles(again)) == 1
    assert said(lines, "ALARM") == []


@pytest.mark.usefixtures("pace")
@pytest.mark.parametrize(("side", "method", "number", "done"), MOMENTS)
def test_a_failure_on_the_way_back(
    open_house: OpenHouse, lines: list[EventDict], side: str, method: str, number: int, done: bool
) -> None:
    ours, theirs = parted(open_house)
    flaky = getattr(ours, side)

    flaky.leave(method, after=number, done=done)
    ours.storage.is_away = False
    for _ in range(12):
        ours.monotonic_s += 6
        ours.turn()
    assert flaky.is_away
    ours.turn(seen("KamLAND", 4))
    ours.turn()
    assert "KamLAND" in ours.publisher.contents()[-1]["detector_names"]
    flaky.is_away = False
    for _ in range(20):  # until it looks after its spool
        ours.monotonic_s += 6
        ours.turn()
    settle(ours, theirs)
    assert len(ours.entries()) == 5
    assert said(lines, "ALARM") == [] or side == "disk"


@pytest.mark.parametrize("number", range(2))
def test_a_wish_to_stop_on_the_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", 1)
    ours, theirs = parted(open_house)
    ours.storage.after["append"].extend([*[nothing] * number, lambda _: ours.stop.make()])
    ours.storage.is_away = False
    while not ours.stop:
        ours.monotonic_s += 1
        ours.turn()
    assert ours.is_alone
    assert ours.spool.depth == 2
    again = open_house(started=False, publisher=ours.publisher, disk=ours.disk)
    again.begin()
    settle(again, theirs)


def test_a_wish_to_stop_at_a_start_with_a_long_spool(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", 1)
    house = open_house(started=False)
    house.begin()
    house.lose_store(FIRST, SECOND, THIRD)
    again = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    again.storage.after["append"].append(lambda _: again.stop.make())
    again.server.run(again.stop, 0)
    assert len(again.entries()) == 1
    assert again.spool.depth == 3
    once_more = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    once_more.begin()
    check_end(once_more)
    assert alerts(once_more) == [("INITIAL", 1, ["JUNO", "XENONnT"]), ("UPDATE", 2, ["JUNO", "XENONnT", "LVD"])]


# A long spool


def spool_some(house: House, count: int = 20) -> None:
    """Let the store be away while so many observations come that coincide with nothing."""
    house.lose_store(*(seen("JUNO", -100.0 * number - 100) for number in range(count)))


def begin_return(house: House) -> None:
    """Let the store be back, and the server find that out."""
    house.storage.is_away = False
    house.monotonic_s += 6
    house.turn()
    assert house.is_alone


def test_what_comes_on_the_way_back_is_alerted_at_once(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 2)
    house = open_house()
    spool_some(house)
    begin_return(house)
    for number, name in enumerate(["XENONnT", "LVD", "IceCube", "KamLAND"]):
        before = len(house.entries())
        house.turn(seen(name, number))
        assert len(alerts(house)) == number
        assert len(house.entries()) == before + 2
    assert house.is_alone
    assert all(alert["degraded"] for alert in house.publisher.contents())
    house.settle()
    check_end(house)
    assert len(house.entries()) == 24
    assert len(house.publisher.uuids()) == 3
    assert reconciles(house) == []


def test_what_comes_on_the_way_back_is_put_right(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """While this server is on its way, another one journals a retraction that this one has not heard of."""
    go_slowly(monkeypatch, 2)
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(seen("XENONnT", uuid="a mistake"))
    spool_some(ours)
    begin_return(ours)
    theirs.say(
        {"detector_name": "XENONnT", "tier": "Retraction", "retract_message_uuid": "a mistake", "retraction_reason": ""}
    )
    ours.turn(THIRD)
    assert alerts(ours) == [("INITIAL", 1, ["XENONnT", "LVD"])]
    assert ours.is_alone
    settle(ours, theirs)
    assert len(reconciles(ours)) == 1
    assert [kind for kind, *_ in alerts(ours)] == ["INITIAL", "RETRACTION"]


def test_the_way_back_ends_however_much_comes(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house()
    spool_some(house)
    begin_return(house)
    house.topic.write(*(seen("LVD", -100.0 * number) for number in range(100)))
    while house.is_alone:
        house.turn()
    assert house.topic
    house.settle()
    check_end(house)
    assert len(house.entries()) == 120


def test_nobody_waits_for_messages_on_the_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house()
    spool_some(house)
    waits: list[float] = []
    batch = house.topic.batch

    def noting(timeout_s: float, limit: int) -> list[RawMessage]:
        waits.append(timeout_s)
        return batch(timeout_s, limit)

    monkeypatch.setattr(house.topic, "batch", noting)
    begin_return(house)
    house.server.turn(house.stop, 0.2)
    house.settle()
    house.server.turn(house.stop, 0.2)
    assert (waits[1], waits[-1]) == (0.0, 0.2)


def test_no_offset_is_committed_on_the_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house()
    spool_some(house)
    begin_return(house)
    house.turn(FIRST)
    assert house.topic.done == []
    house.settle()
    assert house.topic.done == [20]
    check_end(house)


def test_the_store_fails_again_on_the_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house()
    spool_some(house)
    begin_return(house)
    house.turn(SECOND)
    assert len(house.entries()) == 4
    house.lose_store(THIRD)
    assert alerts(house) == [("INITIAL", 1, ["XENONnT", "LVD"])]
    begin_return(house)
    for _ in range(2):
        house.turn(seen("KamLAND", 3))
    assert alerts(house)[1:] == [("UPDATE", 2, ["XENONnT", "LVD", "KamLAND"])]
    house.settle()
    check_end(house)
    assert len(house.entries()) == 24


def test_a_crash_on_a_long_way_back(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house(started=False)
    house.begin()
    spool_some(house)
    begin_return(house)
    house.turn(FIRST, SECOND)
    house.turn()
    again = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    again.begin()
    check_end(again)
    assert len(again.entries()) == 22
    assert alerts(again) == [("INITIAL", 1, ["JUNO", "XENONnT"])]


def test_what_was_sent_alone_is_marked_when_it_is_journaled(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server, which waits for it, need not publish it."""
    go_slowly(monkeypatch, 4)
    ours = open_house()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.lose_store(FIRST, SECOND)
    spool_some(ours)
    begin_return(ours)
    ours.turn()
    assert ours.is_alone
    for _ in range(10):
        theirs.monotonic_s += 1
        theirs.turn()
    assert len(ours.publisher.uuids()) == 1
    settle(ours, theirs)


@pytest.mark.parametrize("is_another_store", [False, True], ids=["the same store", "the store was made anew"])
def test_what_the_journal_said_before_its_snapshot_is_looked_for(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, is_another_store: bool
) -> None:
    """Another server journals what was sent alone, and a snapshot behind it, from which this one begins."""
    monkeypatch.setattr("snews_cs.server.snapshots.SNAPSHOT_AFTER", 1)
    ours = open_house(started=False)
    ours.begin()
    if is_another_store:
        ours.say(*[b"junk"] * 9)
        ours.monotonic_s += 60
        ours.say()
        ours.storage.storage.drop()
    theirs = open_house(publisher=ours.publisher, tag="other")
    written = ours.topic.write(FIRST, SECOND)
    ours.lose_store()
    theirs.topic.deliver_again(*written)
    theirs.settle()
    theirs.say()
    assert theirs.storage.latest_snapshot()[0] == theirs.storage.last_sequence() == 2
    settle(ours, theirs)
    assert reconciles(ours) == []
    assert {kind for kind, *_ in alerts(ours)} == {"INITIAL"}


def test_what_comes_to_light_on_the_disk_is_journaled(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of a server that began without it is well again when half of what it spooled since is journaled."""
    go_slowly(monkeypatch, 1)
    house = open_house(started=False)
    house.begin()
    house.lose_store(FIRST, SECOND)
    again = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    again.storage.is_away = again.disk.is_away = True
    again.topic.write(THIRD, seen("IceCube", 3))
    again.begin()
    begin_return(again)
    again.turn()
    assert len(again.entries()) == 1
    again.disk.is_away = False
    again.turn(seen("KamLAND", 4))
    again.settle()
    check_end(again)
    assert len(again.entries()) == 5


def test_a_long_start_tells_that_it_goes_on(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    go_slowly(monkeypatch, 4)
    house = open_house(started=False)
    house.begin()
    spool_some(house)
    again = open_house(started=False, publisher=house.publisher, disk=Flaky(house.disk.storage))
    again.begin()
    assert again.observer.openings > 5
    check_end(again)
