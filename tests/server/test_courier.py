"""A courier: it never holds up who gives, whatever the broker does."""

import pytest
from structlog.typing import EventDict

from snews_cs.server import courier as module
from snews_cs.server.courier import Courier
from snews_cs.streams.publication import Publication
from tests.server.conftest import said
from tests.server.door import PATIENCE_S, Door


def notices(*names: str) -> list[Publication]:
    return [Publication(url="no-coincidence", key=name, payload=b"{}", message_id=bytes(16)) for name in names]


@pytest.fixture
def door() -> Door:
    return Door()


def test_all_are_sent_in_order_and_the_publisher_is_closed_by_who_used_it(door: Door) -> None:
    with Courier(door, "notices") as courier:
        courier.give(notices("first", "second"))
        courier.give(notices("third"))
    assert door.sent == ["first", "second", "third"]
    assert door.closed_by == "courier of notices"


def test_what_the_broker_does_not_take_is_sent_later(door: Door, lines: list[EventDict]) -> None:
    door.failures = 2
    with Courier(door, "notices") as courier:
        courier.give(notices("first", "second"))
        assert door.wait_for(4) == ["first", "first", "first", "second"]
        courier.give(notices("third"))
    assert door.sent[4:] == ["third"]
    assert [line["waiting"] for line in said(lines, "answers or notices wait to be sent")] == [2, 2]


def test_of_a_flood_the_newest_are_kept(door: Door, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    door.is_open.clear()
    door.failures = 1
    with Courier(door, "notices", most_waiting=3) as courier:
        courier.give(notices("in hand"))
        assert door.knocked.wait(PATIENCE_S)
        courier.give(notices("1", "2", "3", "4", "5"))
        door.is_open.set()
        assert door.wait_for(4) == ["in hand", "3", "4", "5"]
    assert max(door.tried) == 2
    assert [line["count"] for line in said(lines, "answers or notices dropped")] == [3]  # 1, 2, and what was in hand


def test_the_end_does_not_wait_for_a_broker_that_hangs(
    door: Door, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_WITHIN_S", 0.01)
    door.is_open.clear()
    courier = Courier(door, "notices")
    courier.give(notices("in hand"))
    assert door.knocked.wait(PATIENCE_S)
    courier.give(notices("never", "ever"))
    courier.close()
    assert [line["count"] for line in said(lines, "answers or notices lost")] == [3]
    door.is_open.set()


def test_the_end_does_not_try_again(door: Door, lines: list[EventDict]) -> None:
    door.failures = 1000
    with Courier(door, "notices") as courier:
        courier.give(notices("first"))
        door.wait_for(3)
    assert len(said(lines, "answers or notices lost")) == 1
    assert door.failures > 0
