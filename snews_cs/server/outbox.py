"""Alerts on their way out: each is published until the broker has acknowledged it, earlier ones of a topic first.

Of several servers, the one that appended an entry publishes its alerts. The others wait until they see it marked; if it
is not for :data:`TAKE_OVER_AFTER_S`, one of them claims it and publishes. A claim saves repeats, no more: nobody
publishes a later entry before all earlier ones are known to be on the topic, so even a server that slept through the
loss of its claim can only repeat an alert.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.errors import StreamError
from snews_cs.messages.times import posix_from_tai
from snews_cs.messages.types import Nanoseconds
from snews_cs.server.observer import Observer
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.streams.publication import Publication, Publisher
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)

TAKE_OVER_AFTER_S = 2.0
"""How long another server's claim to an unmarked entry is respected after it was first seen, s."""

SURE_FOR_S = 1.0
"""How long a server relies on its own claim without looking, s: with the 1.5 s that publishing may take it does not
stay much longer on the topic than others respect it."""

FINISH_WITHIN_S = 1.0
"""For how long alerts are published on after a wish to stop, s; what is left then goes out after the restart."""

BLOCKED_WAIT_S = 0.01
"""How soon to look again whether another server has published what comes before an alert of ours, s."""

LONGEST_WAIT_S = 5.0
"""How long an alert that the broker does not take waits at most before it is tried again, s."""

TAIL = 10_000
"""How many of the newest alerts on a topic are looked at after a restart for those already published."""

TAIL_MARGIN = timedelta(minutes=10)
"""How much earlier than the oldest restored alert the look begins: the broker's clock is not ours."""


class AlertPublisher(Publisher, Protocol):
    """Publishes, and looks at what was published (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the newest records of a topic that are JSON objects; none of one that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTopics:
    """Where alerts go, as full ``kafka://`` addresses."""

    alerts: str
    connection_test: str

    def of(self, alert: Alert) -> str:
        """Return the topic an alert belongs on: tests never reach the alert topic."""
        return self.connection_test if alert.cache.is_test else self.alerts


@dataclass(slots=True)
class _Pending:
    """An entry whose alerts are not all acknowledged.

    Parameters
    ----------
    entry, alerts
        What is to be published, and as decided.
    is_ours
        Whether this server is to publish it.
    since_s
        When its claim was last seen to be what it is, on the outbox's clock; minus infinity if that must be looked up.
    is_restored
        Whether it may be on the topic already, from before a restart.
    when_sent
        For what was decided alone: told when it is acknowledged. The journal does not know of it.
    announced
        How many of the alerts the log has told of.
    """

    entry: Entry
    alerts: tuple[Alert, ...]
    is_ours: bool
    since_s: float
    is_restored: bool = False
    when_sent: Callable[[Entry], None] | None = None
    announced: int = 0


@dataclass(slots=True)
class _Lane:
    """What waits for one topic, in order; a topic that fails holds up no other.

    Parameters
    ----------
    first_since_s
        When the first entry became the first.
    taken_from
        Whose entry was last taken over; nobody's once that one's next was published without our help.
    """

    topic: str
    backoff: Backoff
    pending: deque[_Pending] = field(default_factory=deque)
    not_before_s: float = float("-inf")
    first_since_s: float = float("-inf")
    taken_from: str = ""

    def waits_since_s(self) -> float:
        """Return since when the first entry could have been published by whoever claims it.

        A server that lives waits, like us, for what comes before its entries; one that left an entry behind does not
        get its time again for each further one.
        """
        first = self.pending[0]
        return first.since_s if first.entry.writer == self.taken_from else max(first.since_s, self.first_since_s)


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
        self._publisher = publisher
        self._topics = topics
        self._storage = storage
        self._server_tag = server_tag
        self._monotonic = monotonic
        self._observer = observer
        real, tests = topics.alerts, topics.connection_test
        self._lanes = {topic: _Lane(topic, Backoff(longest=LONGEST_WAIT_S, clock=monotonic)) for topic in (real, tests)}
        self._unmarked: deque[_Pending] = deque()
        self._sent: set[str] = set()
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
        waits_s = [float("inf")]
        for lane in self._lanes.values():
            if lane.pending and not lane.pending[0].is_ours:
                is_blocking = any(pending.is_ours for pending in lane.pending)
                due_s = 0 if is_blocking else lane.waits_since_s() + TAKE_OVER_AFTER_S - self._monotonic()
                waits_s.append(max(due_s, lane.not_before_s - self._monotonic(), BLOCKED_WAIT_S))
        return min(waits_s)

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
        self._sent = self._sent.union(sent_alone) & {
            alert.alert_uuid for pending in self._pending() for alert in pending.alerts
        }

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
            if lane.pending and self._monotonic() >= lane.not_before_s:
                self._publish_lane(lane, alone=alone)

    def request_stop(self) -> None:
        """Leave for the next start what cannot be published soon. Safe in a signal handler."""
        self._until_s = self._monotonic() + FINISH_WITHIN_S

    def _pending(self) -> list[_Pending]:
        return [pending for lane in self._lanes.values() for pending in lane.pending]

    def _add(
        self,
        entries: Iterable[Entry],
        *,
        is_ours: bool,
        since_s: float = float("-inf"),
        is_restored: bool = False,
        when_sent: Callable[[Entry], None] | None = None,
    ) -> None:
        """Queue entries; the alerts of one entry all belong on one topic."""
        for entry in entries:
            if not entry.published and entry.outcome is not None:
                lane = self._lanes[self._topics.of(entry.outcome.alerts[0])]
                lane.pending.append(_Pending(entry, entry.outcome.alerts, is_ours, since_s, is_restored, when_sent))

    def _publish_lane(self, lane: _Lane, *, alone: bool) -> None:
        try:
            self._look_at_topic(lane)
            while self._monotonic() < self._until_s and self._is_due(lane, alone=alone):
                self._publish_entry(lane.topic, lane.pending[0])
                sent = lane.pending.popleft()
                lane.first_since_s = self._monotonic()
                if sent.when_sent is not None:
                    sent.when_sent(sent.entry)
                else:
                    self._unmarked.append(sent)
                if not alone:
                    self._mark()
        except StreamError as error:
            delay_s = lane.backoff.failure()
            lane.not_before_s = self._monotonic() + delay_s
            log.error("alerts wait to be published", waiting=len(lane.pending), again_in_s=delay_s, error=str(error))
        else:
            lane.backoff.success()

    def _is_due(self, lane: _Lane, *, alone: bool) -> bool:
        """Whether the first entry of a lane is ours to publish now; those marked meanwhile are taken out before."""
        while lane.pending:
            first = lane.pending[0]
            if first.when_sent is not None or all(alert.alert_uuid in self._sent for alert in first.alerts):
                return True
            if first.is_ours and (alone or self._monotonic() - first.since_s < SURE_FOR_S):
                return True
            if not alone:
                self._look_at_claims(lane)
            if lane.pending and lane.pending[0] is first:
                has_waited = self._monotonic() - lane.waits_since_s() >= TAKE_OVER_AFTER_S
                return first.is_ours or (has_waited and (alone or self._take_over(lane, first)))
        return False

    def _look_at_claims(self, lane: _Lane) -> None:
        """Take out the entries that are marked, and see who claims the others."""
        first = lane.pending[0]
        claims = self._storage.unmarked([each.entry.sequence for each in lane.pending if each.when_sent is None])
        lane.pending = deque(
            each for each in lane.pending if each.when_sent is not None or each.entry.sequence in claims
        )
        if not lane.pending or lane.pending[0] is not first:
            lane.first_since_s = self._monotonic()
            if first.entry.writer == lane.taken_from:
                lane.taken_from = ""
        for pending in lane.pending:
            claim = claims.get(pending.entry.sequence, pending.entry.claim)
            if claim != pending.entry.claim:
                pending.entry = replace(pending.entry, claim=claim)
                pending.is_ours = False
                pending.since_s = self._monotonic()
            elif pending.is_ours:
                pending.since_s = self._monotonic()

    def _take_over(self, lane: _Lane, pending: _Pending) -> bool:
        entry, claim = pending.entry, uuid4().hex
        pending.is_ours = self._storage.claim(entry.sequence, entry.claim, claim)
        pending.since_s = self._monotonic()
        if pending.is_ours:
            pending.entry = replace(entry, claim=claim)
            lane.taken_from = entry.writer
            log.warning("publishing what another server did not", sequence=entry.sequence, writer=entry.writer)
        return pending.is_ours

    def _publish_entry(self, topic: str, pending: _Pending) -> None:
        for index, alert in enumerate(pending.alerts):
            if alert.alert_uuid in self._sent:
                continue
            if pending.announced <= index:
                _announce(alert, topic)
                pending.announced = index + 1
            publication = Publication(
                url=topic,
                key=alert.event_id,
                payload=pending.entry.alerts_json[index].encode(),
                message_id=UUID(alert.alert_uuid).bytes,
            )
            self._publisher.publish_all([publication])
            self._sent.add(alert.alert_uuid)
            self._observer.acknowledged(pending.entry, alert)

    def _mark(self) -> None:
        """Mark what is published."""
        while self._unmarked:
            pending = self._unmarked[0]
            if not self._storage.mark_published(pending.entry.sequence):
                self._doubt()
            self._sent -= {alert.alert_uuid for alert in pending.alerts}
            self._unmarked.popleft()

    def _doubt(self) -> None:
        """Believe no longer whose turn it is: another server has published the same."""
        for lane in self._lanes.values():
            lane.taken_from = ""
            for pending in lane.pending:
                if pending.is_ours:
                    pending.since_s = float("-inf")

    def _look_at_topic(self, lane: _Lane) -> None:
        """Learn which of the restored alerts reached the topic before the server that wrote them stopped."""
        restored = [pending for pending in lane.pending if pending.is_restored]
        if not restored:
            return
        earliest_ns = min(pending.entry.received_ns for pending in restored)
        since = datetime.fromtimestamp(posix_from_tai(earliest_ns) / 1e9, UTC) - TAIL_MARGIN
        published = {str(record.get("alert_uuid")) for record in self._publisher.tail(lane.topic, TAIL, since=since)}
        for pending in restored:
            pending.is_restored = False
            for uuid in [alert.alert_uuid for alert in pending.alerts if alert.alert_uuid in published - self._sent]:
                log.info("alert is on its topic already", alert_uuid=uuid)
                self._sent.add(uuid)


def _announce(alert: Alert, topic: str) -> None:
    log.warning(
        "PUBLISHING AN ALERT!!!",
        alert_type=str(alert.alert_type),
        detectors=[member.detector_name for member in alert.members],
        sub_list_number=alert.sub_list_number,
        revision=alert.revision,
        event_id=alert.event_id,
        topic=topic,
    )
