"""Every recipient is told of every alert, once, in order, and nobody waits for another."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import NotTold, NotToldYet, SettingsError
from snews_cs.notify import teller
from snews_cs.notify.deliveries import ABANDONED_AFTER_S, STORE_PATIENCE_S, Deliveries
from snews_cs.notify.teller import Delivery, Recipient, Teller
from snews_cs.notify.wording import PublishedAlert
from snews_cs.streams.alerts import ReceivedAlert
from snews_cs.waiting import StopRequest
from tests.notify.conftest import BEGAN_MS, Clock, ListedAlerts, NotesThatMayBeAway, RecordedStop, alert


class Listener:
    """Somebody who is told in two steps; ``faults`` are raised one by one instead of the next ones."""

    def __init__(self, name: str = "somebody", *faults: Exception, clock: Clock | None = None) -> None:
        self.name = name
        self.times: list[float] = []
        self._clock = clock or Clock()
        self.heard: list[str] = []
        self.faults = list(faults)

    def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:
        """Tell, and tell again."""
        assert content["alert_uuid"] == alert.alert_uuid

        def hear(step: str) -> str:
            if self.faults:
                raise self.faults.pop(0)
            self.heard.append(f"{alert.alert_uuid} {step}")
            self.times.append(self._clock())
            return "heard"

        return [Delivery(step, lambda step=step: hear(step)) for step in ("first", "then")]  # type: ignore[misc]


class Table:
    """What a teller needs, with a clock that runs by itself."""

    def __init__(self, notes: NotesThatMayBeAway) -> None:
        self.notes = notes
        self.clock = Clock()
        self._holders = 0

    def tell(
        self,
        recipients: Sequence[Recipient],
        *contents: dict[str, object],
        stop: StopRequest | None = None,
        **options: int,
    ) -> ListedAlerts:
        """Let a new teller tell them of these alerts."""
        self._holders += 1
        stop = RecordedStop(self.clock) if stop is None else stop
        alerts = ListedAlerts(stop, self.clock, contents, **options)
        deliveries = Deliveries(self.notes, holder=str(self._holders), monotonic=self.clock)
        Teller(alerts, recipients, deliveries, topic="t", began_unix_ms=BEGAN_MS, stop=stop, monotonic=self.clock).run()
        return alerts


@pytest.fixture
def table(notes: NotesThatMayBeAway) -> Table:
    return Table(notes)


def both(*numbers: int) -> list[str]:
    return [f"alert {number} {step}" for number in numbers for step in ("first", "then")]


def test_each_alert_is_told_once_and_in_order(table: Table) -> None:
    listeners = [Listener("one"), Listener("other")]
    alerts = table.tell(listeners, alert(0), alert(1), alert(0), alert(1), alert(2))
    assert [listener.heard for listener in listeners] == [both(0, 1, 2)] * 2
    assert alerts.done == 5


def test_what_was_told_before_a_restart_is_not_told_again(table: Table) -> None:
    listener = Listener()
    table.tell([listener], alert(0))
    table.tell([listener], alert(0), alert(1))
    assert listener.heard == both(0, 1)


def test_what_was_published_before_the_first_start_is_history(table: Table) -> None:
    listener = Listener()
    alerts = table.tell([listener], alert(0), published_unix_ms=BEGAN_MS - 1)
    assert listener.heard == []
    assert alerts.done == 1
    table.tell([listener], alert(1), published_unix_ms=BEGAN_MS)
    assert listener.heard == both(1)


def test_what_was_published_while_nobody_told_is_news(table: Table) -> None:
    Deliveries(table.notes, holder="before").began_unix_ms("somebody", "t", BEGAN_MS - 1)
    listener = Listener()
    table.tell([listener], alert(0), published_unix_ms=BEGAN_MS - 1)
    assert listener.heard == both(0)


def test_who_cannot_be_told_now_is_told_later_and_nobody_else_waits(table: Table) -> None:
    troubled = Listener("troubled", *(NotToldYet("busy") for _ in range(20)))
    well = Listener("well", clock=table.clock)
    began = table.clock.now
    with capture_logs() as lines:
        alerts = table.tell([troubled, well], alert(0), alert(1))
    assert troubled.heard == both(0, 1)
    assert well.heard == both(0, 1)
    assert well.times[-1] - began < 1
    waits = [line["again_in_s"] for line in lines if line["log_level"] == "warning"]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, *[10.0] * 13]
    assert table.clock.now - began >= sum(waits)
    assert alerts.done == 2


def test_a_wait_that_is_asked_for_is_kept(table: Table) -> None:
    listener = Listener("somebody", NotToldYet("too fast", after_s=30.0))
    began = table.clock.now
    table.tell([listener], alert(0))
    assert 30 <= table.clock.now - began < 31
    assert listener.heard == both(0)


def test_who_refuses_for_good_is_not_asked_again_nor_called_told(table: Table) -> None:
    listener = Listener("somebody", NotTold("no such person"))
    with capture_logs() as lines:
        alerts = table.tell([listener], alert(0), alert(1))
        table.tell([listener], alert(0))
    assert listener.heard == ["alert 0 then", *both(1)]
    assert alerts.done == 2
    assert table.notes.get("receipt/somebody/alert 0/first") == "refused: no such person"
    assert [line["delivery"] for line in lines if line["event"] == "told of an alert"] == [
        f"somebody/{heard.replace(' first', '/first').replace(' then', '/then')}" for heard in listener.heard
    ]


def test_the_position_moves_on_only_when_all_was_told(table: Table) -> None:
    faults = (NotToldYet("busy") for _ in range(1000))
    alerts = table.tell([Listener("one", *faults), Listener("other")], alert(0), most_batches=50)
    assert alerts.taken == 1
    assert alerts.done == 0


def test_after_a_stop_between_two_steps_the_other_one_is_made(table: Table) -> None:
    class StoppingListener(Listener):
        def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:
            first, then = super().deliveries(alert, content)
            return [Delivery(first.step, lambda: f"{first.attempt()}, {stop.make()}"), then]  # type: ignore[func-returns-value]

    stop = RecordedStop(table.clock)
    stopped = StoppingListener()
    alerts = table.tell([stopped], alert(0), stop=stop)
    assert stopped.heard == ["alert 0 first"]
    assert alerts.done == 0
    listener = Listener()
    table.tell([listener], alert(0))
    assert listener.heard == ["alert 0 then"]


def test_what_another_process_is_about_to_tell_is_left_to_it_for_a_minute(table: Table) -> None:
    Deliveries(table.notes, holder="dead").claim("somebody/alert 0/first")
    listener = Listener()
    began = table.clock.now
    with capture_logs() as lines:
        table.tell([listener], alert(0), alert(1))
    assert listener.heard == both(0, 1)
    assert ABANDONED_AFTER_S <= table.clock.now - began < ABANDONED_AFTER_S + 5
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "another process did not finish telling people: taking over"
    ]


def test_without_the_store_people_are_told_after_some_seconds(table: Table) -> None:
    def cut() -> str:
        table.notes.away = True
        return "cut"

    class CuttingListener(Listener):
        def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:
            steps = super().deliveries(alert, content)
            return [Delivery("cut", cut), *steps] if alert.alert_uuid == "alert 1" else steps

    listener = CuttingListener()
    began = table.clock.now
    table.tell([listener], alert(0), alert(1), alert(2))
    assert listener.heard == both(0, 1, 2)
    assert STORE_PATIENCE_S <= table.clock.now - began < STORE_PATIENCE_S + 5


def test_who_starts_without_the_store_tells_what_has_come_since(table: Table) -> None:
    table.notes.away = True
    listener = Listener()
    began = table.clock.now
    alerts = table.tell([listener], alert(0), alert(1))
    assert listener.heard == both(0, 1)
    assert STORE_PATIENCE_S <= table.clock.now - began < STORE_PATIENCE_S + 5
    assert alerts.done == 2


def test_what_is_older_waits_for_the_store_and_is_told_first_if_it_is_news(table: Table) -> None:
    Deliveries(table.notes, holder="before").began_unix_ms("old", "t", BEGAN_MS - 2)
    done_without_store = []

    class Returning(ListedAlerts):
        def batch(self, timeout_s: float, limit: int) -> list[ReceivedAlert]:
            found = super().batch(timeout_s, limit)
            if not found and table.notes.away:
                done_without_store.append(self.done)
                table.notes.away = False
            return found

    table.notes.away = True
    old, new = Listener("old"), Listener("new")
    stop = RecordedStop(table.clock)
    alerts = Returning(stop, table.clock, [alert(0), alert(1)], first_published_unix_ms=BEGAN_MS - 1)
    deliveries = Deliveries(table.notes, holder="me", monotonic=table.clock)
    Teller(alerts, [old, new], deliveries, topic="t", began_unix_ms=BEGAN_MS, stop=stop, monotonic=table.clock).run()
    assert done_without_store == [0]
    assert old.heard == both(0, 1)
    assert new.heard == both(1)
    assert alerts.done == 2


def test_who_starts_without_the_store_asks_for_it_again_and_again(table: Table) -> None:
    table.notes.away = True
    with capture_logs() as lines:
        table.tell([Listener()], alert(0))
    asked = [line["again_in_s"] for line in lines if "again_in_s" in line]
    assert asked[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]


def test_a_crowd_that_waits_is_not_read_on(table: Table) -> None:
    faults = (NotToldYet("busy") for _ in range(300))
    listener = Listener("slow", *faults)
    alerts = table.tell([listener], *(alert(number) for number in range(2000)), most_batches=600)
    assert alerts.taken <= 600
    stop = RecordedStop(table.clock, after=20)
    stuck = Listener("stuck", *(NotToldYet("busy", after_s=1e6) for _ in range(10)))
    alerts = table.tell([stuck], *(alert(number) for number in range(2000)), stop=stop)
    assert alerts.taken == 500  # two steps each
    assert stop.waits == [0.5] * 20


def test_one_for_whom_a_crowd_waits_holds_up_nobody_else(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "MOST_WAITING", 10)
    stuck = Listener("stuck", *(NotToldYet("mailbox full", after_s=1e6) for _ in range(10)))
    well = Listener("well")
    table.tell([stuck, well], *(alert(number) for number in range(20)), stop=RecordedStop(table.clock, 20))
    assert well.heard == both(*range(20))
    assert stuck.heard == []


def test_what_cannot_be_mended_ends_it(table: Table) -> None:
    with pytest.raises(SettingsError, match="wrong"):
        table.tell([Listener("one", SettingsError("wrong"))], alert(0))
    began, listener = table.clock.now, Listener("one")
    table.tell([listener], alert(0))
    assert listener.heard == both(0)
    assert table.clock.now - began < 1  # what it had begun, it left


def test_answers_and_junk_on_the_topic_are_passed_over(table: Table) -> None:
    listener = Listener()
    with capture_logs() as lines:
        alerts = table.tell([listener], {"id": "0_test-connection"}, alert(0, detector_names=17), alert(1))
    assert listener.heard == both(1)
    assert alerts.done == 3
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["an alert was passed over"]
