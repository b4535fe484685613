"""The courier of notices: it never holds up who gives, whatever the broker does."""

import threading
from collections.abc import Sequence

import pytest
from structlog.typing import EventDict

from snews_cs.errors import BrokerUnreachable
from snews_cs.server import courier as module
from snews_cs.server.courier import Courier
from snews_cs.streams.publication import Publication
from tests.server.conftest import said

PATIENCE_S = 30.0


class Door:
    """A topic behind a door: who publishes waits until it is open, and finds the topic there or not."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.tried: list[int] = []
        self.failures = 0
        self.is_open = threading.Event()
        self.is_open.set()
        self.knocked = threading.Event()
        self.closed_by = ""
        self._changed = threading.Condition()

    def publish_all(self, publications: Sequence[Publication]) -> None:
        self.knocked.set()
        assert self.is_open.wait(PATIENCE_S)
        with self._changed:
            self.tried.append(len(publications))
            self._changed.notify_all()
            if self.failures:
                self.failures -= 1
                self.sent += [each.key for each in publications[:1]]  # some may stand
                raise BrokerUnreachable("the broker is played to be away")
            self.sent += [each.key for each in publications]

    def close(self) -> None:
        self.closed_by = threading.current_thread().name

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, PATIENCE_S), self.sent
        return self.sent


def notices(*names: str) -> list[Publication]:
    return [Publication(url="no-coincidence", key=name, payload=b"{}", message_id=bytes(16)) for name in names]


@pytest.fixture
def door() -> Door:
    return Door()


def test_all_are_sent_in_order_and_the_publisher_is_closed_by_who_used_it(door: Door) -> None:
    with Courier(door) as courier:
        courier.give(notices("first", "second"))
        courier.give(notices("third"))
    assert door.sent == ["first", "second", "third"]
    assert door.closed_by == "courier"


def test_what_the_broker_does_not_take_is_sent_later(door: Door, lines: list[EventDict]) -> None:
    door.failures = 2
    with Courier(door) as courier:
        courier.give(notices("first", "second"))
        assert door.wait_for(4) == ["first", "first", "first", "second"]
        courier.give(notices("third"))
    assert door.sent[4:] == ["third"]
    assert [line["waiting"] for line in said(lines, "notices wait to be sent")] == [2, 2]


def test_of_a_flood_the_newest_are_kept(door: Door, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    door.is_open.clear()
    door.failures = 1
    with Courier(door) as courier:
        courier.give(notices("in hand"))
        assert door.knocked.wait(PATIENCE_S)
        courier.give(notices("1", "2", "3", "4", "5"))
        door.is_open.set()
        assert door.wait_for(4) == ["in hand", "3", "4", "5"]
    assert max(door.tried) == 2
    assert [line["notices"] for line in said(lines, "notices dropped")] == [3]  # 1, 2, and what was in hand


def test_the_end_does_not_wait_for_a_broker_that_hangs(
    door: Door, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_WITHIN_S", 0.01)
    door.is_open.clear()
    courier = Courier(door)
    courier.give(notices("in hand"))
    assert door.knocked.wait(PATIENCE_S)
    courier.give(notices("never", "ever"))
    courier.close()
    assert [line["notices"] for line in said(lines, "notices lost")] == [3]
    door.is_open.set()


def test_the_end_does_not_try_again(door: Door, lines: list[EventDict]) -> None:
    door.failures = 1000
    with Courier(door) as courier:
        courier.give(notices("first"))
        door.wait_for(3)
    assert len(said(lines, "notices lost")) == 1
    assert door.failures > 0
