"""Alerts on their way out: each is published until the broker has acknowledged it, earlier ones of a topic first."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.errors import StreamError
from snews_cs.messages.types import Nanoseconds
from snews_cs.server.lane import LONG_AGO, Lane, Pending
from snews_cs.server.observer import Observer
from snews_cs.server.sender import AlertPublisher, Sender
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

FINISH_WITHIN_S = 1.0
"""For how long alerts are published on after a wish to stop, s; what is left then goes out after the restart."""

TESTS_AT_ONCE_S = 0.1
"""For how long alerts of tests are published on while real observations may wait, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTopics:
    """Where alerts go, as full ``kafka://`` addresses."""

    alerts: str
    connection_test: str

    def of(self, alert: Alert) -> str:
        """Return the topic an alert belongs on: tests never reach the alert topic."""
        return self.connection_test if alert.cache.is_test else self.alerts


class Outbox:
    """The entries with unmarked alerts.

    Parameters
    ----------
    publisher, topics
        Where alerts go.
    storage
        Where they are claimed, and marked as published.
    server_tag
        This server's name in the journal.
    monotonic
        A clock that never goes back, in s: paces what is tried again, and measures how long others take.
    observer
        Is told of acknowledged alerts.
    """

    def __init__(
        self,
        publisher: AlertPublisher,
        topics: AlertTopics,
        storage: Storage,
        server_tag: str,
        monotonic: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._sender = Sender(publisher, monotonic, observer)
        self._topics = topics
        self._storage = storage
        self._server_tag = server_tag
        self._monotonic = monotonic
        real, tests = topics.alerts, topics.connection_test
        self._lanes = {topic: Lane(topic, storage, monotonic) for topic in (real, tests)}
        self._unmarked: deque[Pending] = deque()
        self._until_s = float("inf")

    def __len__(self) -> int:
        return len(self._pending())

    @property
    def alerts(self) -> int:
        """How many alerts are not acknowledged."""
        return sum(len(pending.alerts) for pending in self._pending())

    @property
    def since_ns(self) -> Nanoseconds | None:
        """When the message of the eldest alert that is not acknowledged was received, TAI ns; None without one."""
        return min((lane.pending[0].entry.received_ns for lane in self._lanes.values() if lane.pending), default=None)

    @property
    def wait_s(self) -> float:
        """How long the loop may wait for messages before alerts want to be looked after again, s."""
        return min(lane.wait_s for lane in self._lanes.values())

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries that this server has appended just now, in order; others have nothing to publish."""
        self._add(entries, is_ours=True, since_s=self._monotonic())

    def add_in_doubt(self, entries: Iterable[Entry]) -> None:
        """Take in entries that this server appended some time ago, without knowing it."""
        self._add(entries, is_ours=True)

    def adopt(self, entries: Iterable[Entry]) -> None:
        """Take in entries that another server has appended."""
        self._add(entries, is_ours=False, since_s=self._monotonic())

    def add_alone(
        self, entries: Iterable[Entry], when_sent: Callable[[Entry], None], *, is_restored: bool = False
    ) -> None:
        """Take in entries that were decided alone, and whom to tell when all alerts of one are acknowledged."""
        self._add(entries, is_ours=True, is_restored=is_restored, when_sent=when_sent)

    def restore(self, entries: Iterable[Entry], sent_alone: Collection[str], *, is_restart: bool) -> None:
        """Begin anew with the unmarked entries of the journal; what the broker has acknowledged counts as published.

        Parameters
        ----------
        sent_alone
            Alerts, by ``alert_uuid``, that were acknowledged while the store was away.
        is_restart
            Whether this server may have published more without knowing it now.
        """
        for lane in self._lanes.values():
            lane.pending.clear()
        self._unmarked.clear()
        for entry in entries:
            if entry.writer == self._server_tag and entry.claim == entry.attempt:
                self._add([entry], is_ours=True, is_restored=is_restart)
            else:
                self.adopt([entry])
        self._sender.begin_anew(self._pending(), sent_alone)

    def publish(self, *, alone: bool = False) -> None:
        """Publish and mark all that is due, real alerts first; what a topic does not take is tried again later.

        Parameters
        ----------
        alone
            Whether the store is away: what is another server's is then published without a claim when it has waited
            long enough, and marked later.

        Raises
        ------
        StorageError
            If the store fails. What was published will only be marked next time.
        """
        if not alone:
            self._mark()
        for lane in self._lanes.values():
            if lane.is_open:
                self._publish_lane(lane, alone=alone)

    def request_stop(self) -> None:
        """Leave for the next start what cannot be published soon. Safe in a signal handler."""
        self._until_s = self._monotonic() + FINISH_WITHIN_S

    def _pending(self) -> list[Pending]:
        return [pending for lane in self._lanes.values() for pending in lane.pending]

    def _add(
        self,
        entries: Iterable[Entry],
        *,
        is_ours: bool,
        since_s: float = LONG_AGO,
        is_restored: bool = False,
        when_sent: Callable[[Entry], None] | None = None,
    ) -> None:
        """Queue entries; the alerts of one entry all belong on one topic."""
        for entry in entries:
            if not entry.published and entry.outcome is not None:
                lane = self._lanes[self._topics.of(entry.outcome.alerts[0])]
                lane.pending.append(Pending(entry, entry.outcome.alerts, is_ours, since_s, is_restored, when_sent))

    def _publish_lane(self, lane: Lane, *, alone: bool) -> None:
        try:
            self._sender.look_at_topic(lane)
            until_s = self._until(lane)
            while self._monotonic() < until_s and lane.is_due(self._sender.sent, alone=alone):
                if not self._sender.send(lane.topic, lane.pending[0], until_s):
                    break
                sent = lane.pop()
                if sent.when_sent is not None:
                    sent.when_sent(sent.entry)
                else:
                    self._unmarked.append(sent)
                if not alone:
                    self._mark()
        except StreamError as error:
            delay_s = lane.failed()
            log.error("alerts wait to be published", waiting=len(lane.pending), again_in_s=delay_s, error=str(error))
        else:
            lane.succeeded()

    def _until(self, lane: Lane) -> float:
        """Return until when a lane may be published in this round; what is left of tests waits for the next one."""
        if lane.topic == self._topics.alerts:
            return self._until_s
        return min(self._until_s, self._monotonic() + TESTS_AT_ONCE_S)

    def _mark(self) -> None:
        """Mark what is published."""
        while self._unmarked:
            pending = self._unmarked[0]
            if not self._storage.mark_published(pending.entry.sequence):
                for lane in self._lanes.values():
                    lane.doubt()
            self._sender.forget(pending)
            self._unmarked.popleft()
