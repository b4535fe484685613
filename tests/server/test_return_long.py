"""A way back to the store that takes its time: the spool is long, and messages go on coming."""

import pytest

from snews_cs.messages.raw import RawMessage
from tests.server.conftest import House, OpenHouse, seen
from tests.server.ending import check_end
from tests.server.returning import FIRST, SECOND, THIRD, alerts, go_slowly, reconciles, settle
from tests.support.flaky import Flaky


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
