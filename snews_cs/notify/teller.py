"""Telling people of alerts: each alert, to each recipient, once and in order."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import structlog

from snews_cs.errors import MessageRefused, NotTold, NotToldYet, StorageError
from snews_cs.notify.deliveries import Claim, Deliveries
from snews_cs.notify.wording import PublishedAlert
from snews_cs.streams.alerts import ReceivedAlert
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""When so much waits for every recipient, no more is read. Who is in trouble for long holds up nobody else."""

_POLL_S = 0.5
_OTHERS_S = 1.0


class Alerts(Protocol):
    """Where alerts come from (:class:`snews_cs.streams.alerts.AlertStream`)."""

    def batch(self, timeout_s: float, limit: int) -> Sequence[ReceivedAlert]:
        """Wait for an alert, at most that long."""

    def mark_done(self) -> None:
        """Let what was read so far never come again."""


class Delivery(NamedTuple):
    """One thing to be done about one alert.

    Parameters
    ----------
    step
        What it is, among all that is to be done for that recipient about that alert.
    attempt
        Tries it once, within a few seconds, and returns a receipt: a short text. It raises
        :class:`snews_cs.errors.NotToldYet` if it is to be tried again, and :class:`snews_cs.errors.NotTold`, after a
        line in the log, if it is to be given up; any other error ends the teller.
    """

    step: str
    attempt: Callable[[], str]


class Recipient(Protocol):
    """Somebody who is to be told."""

    @property
    def name(self) -> str:
        """Who it is, the same at all sites and after each restart."""

    def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:
        """Return what is to be done about an alert (``content`` is the JSON object that was published), in order."""


class Teller:
    """Tells each recipient of each alert that was published since it was first to be told, once.

    Without the store it is not known since when a recipient is to be told: what has come since this process began is
    news all the same, and what is older waits for the store.

    A recipient who cannot be told at present waits alone; what comes later waits behind, in order, and is tried again
    for ever. The position on the topic moves on when everybody was told of what was read: after a restart the rest
    comes again, and :class:`Deliveries` knows what was done.

    Parameters
    ----------
    alerts, recipients, deliveries
        Where alerts come from, who is told, what is remembered.
    topic
        Name of the topic that is read.
    began_unix_ms
        When this process began, POSIX time, ms: who was never told of that topic is told of what came since.
    stop
        Ends :meth:`run`.
    longest_wait_s
        Longest pause between two attempts, s, if the recipient asks for no longer one.
    monotonic
        A monotonic clock, s.
    """

    def __init__(
        self,
        alerts: Alerts,
        recipients: Sequence[Recipient],
        deliveries: Deliveries,
        *,
        topic: str,
        began_unix_ms: int,
        stop: StopRequest,
        longest_wait_s: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alerts = alerts
        self._deliveries = deliveries
        self._topic = topic
        self._began_unix_ms = began_unix_ms
        self._stop = stop
        self._monotonic = monotonic
        self._lines = [
            _Line(each, deliveries, stop, monotonic, longest_wait_s, began_unix_ms=began_unix_ms) for each in recipients
        ]
        self._unsure = list(self._lines)
        self._learning = Backoff(clock=monotonic)
        self._learn_at = float("-inf")

    def run(self) -> None:
        """Tell people until told to stop.

        Raises
        ------
        SettingsError
            If trying again cannot help.
        """
        try:
            while not self._stop:
                self._go_on()
        finally:
            self._deliveries.leave()

    def _go_on(self) -> None:
        """Read what there is, and deliver what can be delivered."""
        self._learn()
        if any(line.length < MOST_WAITING for line in self._lines):
            for received in self._alerts.batch(self._patience_s(), 1):
                self._queue(received)
        else:
            self._stop.wait(self._patience_s())
        for line in self._lines:
            line.go_on()
        if not self._stop and all(line.is_done for line in self._lines):
            self._alerts.mark_done()

    def _learn(self) -> None:
        """Find out since when each recipient is to be told, if that is not known yet.

        Without that, old alerts cannot be told from those that came while nobody told of them: both have to wait. What
        has come since this process began is news in any case.
        """
        while self._unsure and self._monotonic() >= self._learn_at:
            line = self._unsure[0]
            try:
                began_unix_ms = self._deliveries.began_unix_ms(line.recipient.name, self._topic, self._began_unix_ms)
            except StorageError as error:
                delay_s = self._learning.failure()
                self._learn_at = self._monotonic() + delay_s
                log.warning("what was told already cannot be looked up now", error=str(error), again_in_s=delay_s)
            else:
                line.began(began_unix_ms)
                del self._unsure[0]

    def _patience_s(self) -> float:
        now = self._monotonic()
        return min([_POLL_S, *(max(0.0, line.not_before - now) for line in self._lines if line.length)])

    def _queue(self, received: ReceivedAlert) -> None:
        content = received.content
        if "alert_type" not in content:
            return  # the topic of tests also holds answers to connection tests
        try:
            alert = PublishedAlert.read(content)
        except MessageRefused as reason:
            log.warning("an alert was passed over", reason=str(reason), id=str(content.get("id"))[:200])
            return
        for line in self._lines:
            line.add(alert, content, received.published_unix_ms)


class _Waiting(NamedTuple):
    delivery: str
    alert: PublishedAlert
    attempt: Callable[[], str]


class _Line:
    """What waits to be delivered to one recipient.

    ``not_before`` is the time of the next attempt (monotonic, s).
    """

    def __init__(
        self,
        recipient: Recipient,
        deliveries: Deliveries,
        stop: StopRequest,
        monotonic: Callable[[], float],
        longest_wait_s: float,
        *,
        began_unix_ms: int,
    ) -> None:
        self.recipient = recipient
        self.not_before = 0.0
        self._deliveries = deliveries
        self._stop = stop
        self._monotonic = monotonic
        self._waiting: deque[_Waiting] = deque()
        self._began_unix_ms = began_unix_ms
        self._older: list[tuple[int, Sequence[_Waiting]]] | None = []
        self._backoff = Backoff(longest=longest_wait_s, clock=monotonic)

    @property
    def length(self) -> int:
        """How much waits."""
        return len(self._waiting)

    @property
    def is_done(self) -> bool:
        """Whether nothing waits, nor was put aside."""
        return not (self._waiting or self._older)

    def began(self, unix_ms: int) -> None:
        """Be told since when this recipient is to be told: of what was put aside, all that is not older is news."""
        self._began_unix_ms = min(self._began_unix_ms, unix_ms)
        news = [
            each for published_unix_ms, steps in self._older or () if published_unix_ms >= unix_ms for each in steps
        ]
        self._waiting.extendleft(reversed(news))
        self._older = None

    def add(self, alert: PublishedAlert, content: dict[str, Any], published_unix_ms: int) -> None:
        """Queue what is to be done about an alert, if it is news; put it aside while that is not known."""
        steps = [
            _Waiting(f"{self.recipient.name}/{alert.alert_uuid}/{step}", alert, attempt)
            for step, attempt in self.recipient.deliveries(alert, content)
        ]
        if published_unix_ms >= self._began_unix_ms:
            self._waiting.extend(steps)
        elif self._older is not None:
            self._older.append((published_unix_ms, steps))

    def go_on(self) -> None:
        """Deliver what can be delivered now, in order."""
        while self._waiting and not self._stop and self._monotonic() >= self.not_before:
            delivery, alert, attempt = self._waiting[0]
            claim = self._deliveries.claim(delivery)
            if claim is Claim.OTHERS:
                self.not_before = self._monotonic() + _OTHERS_S
                return
            if claim is Claim.MINE:
                try:
                    receipt = attempt()
                except NotToldYet as problem:
                    self._failed(problem)
                    return
                except NotTold as reason:
                    self._done(delivery, f"refused: {reason}")
                else:
                    self._done(delivery, receipt)
                    log.info(
                        "told of an alert", delivery=delivery, alert_type=alert.alert_type, event_id=alert.event_id
                    )
            self._waiting.popleft()

    def _done(self, delivery: str, receipt: str) -> None:
        self._backoff.success()
        self._deliveries.done(delivery, receipt)

    def _failed(self, problem: NotToldYet) -> None:
        delay_s = max(self._backoff.failure(), problem.after_s)
        self.not_before = self._monotonic() + delay_s
        log.warning(str(problem), recipient=self.recipient.name, again_in_s=delay_s)
