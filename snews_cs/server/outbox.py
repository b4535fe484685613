"""Alerts on their way out: each is published until the broker has acknowledged it, earlier ones of a topic first."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.errors import StreamError
from snews_cs.messages.times import posix_from_tai
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.streams.publication import Publication, Publisher
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)

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
    """An entry whose alerts are not all acknowledged; those of a ``restored`` one may be on the topic already."""

    entry: Entry
    alerts: tuple[Alert, ...]
    restored: bool
    announced: bool = False
    acknowledged: int = 0


@dataclass(slots=True)
class _Lane:
    """What waits for one topic, in order; a topic that fails holds up no other."""

    topic: str
    backoff: Backoff
    pending: deque[_Pending] = field(default_factory=deque)
    not_before_s: float = 0.0


class Outbox:
    """The entries with unmarked alerts.

    Parameters
    ----------
    publisher, topics
        Where alerts go.
    storage
        Where they are marked as published.
    monotonic
        A clock that never goes back, in s: paces what is tried again.
    """

    def __init__(
        self, publisher: AlertPublisher, topics: AlertTopics, storage: Storage, monotonic: Callable[[], float]
    ) -> None:
        self._publisher = publisher
        self._topics = topics
        self._storage = storage
        self._monotonic = monotonic
        real, tests = topics.alerts, topics.connection_test
        self._lanes = {topic: _Lane(topic, Backoff(clock=monotonic)) for topic in (real, tests)}

    def __len__(self) -> int:
        return sum(len(lane.pending) for lane in self._lanes.values())

    def add(self, entries: Iterable[Entry], *, restored: bool = False) -> None:
        """Take in entries in order; what has nothing to publish is passed over.

        The alerts of one entry all belong on one topic: a message touches one cache.
        """
        for entry in entries:
            if not entry.published and entry.outcome is not None:
                lane = self._lanes[self._topics.of(entry.outcome.alerts[0])]
                lane.pending.append(_Pending(entry, entry.outcome.alerts, restored))

    def publish(self) -> None:
        """Publish and mark all that is pending, real alerts first; what a topic does not take is tried again later.

        Raises
        ------
        StoreUnreachable
            If an alert could not be marked; it is published, and will only be marked next time.
        """
        for lane in self._lanes.values():
            if lane.pending and self._monotonic() >= lane.not_before_s:
                self._publish_lane(lane)

    def _publish_lane(self, lane: _Lane) -> None:
        try:
            self._look_at_topic(lane)
            while lane.pending:
                self._publish_entry(lane.topic, lane.pending[0])
                self._storage.mark_published(lane.pending[0].entry.sequence)
                lane.pending.popleft()
        except StreamError as error:
            delay_s = lane.backoff.failure()
            lane.not_before_s = self._monotonic() + delay_s
            log.error("alerts wait to be published", waiting=len(lane.pending), again_in_s=delay_s, error=str(error))
        else:
            lane.backoff.success()

    def _publish_entry(self, topic: str, pending: _Pending) -> None:
        for index in range(pending.acknowledged, len(pending.alerts)):
            alert = pending.alerts[index]
            if not pending.announced:
                _announce(alert, topic)
            pending.announced = True
            publication = Publication(
                url=topic,
                key=alert.event_id,
                payload=pending.entry.alerts_json[index].encode(),
                message_id=UUID(alert.alert_uuid).bytes,
            )
            self._publisher.publish_all([publication])
            pending.acknowledged, pending.announced = index + 1, False

    def _look_at_topic(self, lane: _Lane) -> None:
        """Pass over restored alerts that reached the topic before the server that wrote them stopped."""
        restored = [pending for pending in lane.pending if pending.restored]
        if not restored:
            return
        earliest_ns = min(pending.entry.received_ns for pending in restored)
        since = datetime.fromtimestamp(posix_from_tai(earliest_ns) / 1e9, UTC) - TAIL_MARGIN
        published = {str(record.get("alert_uuid")) for record in self._publisher.tail(lane.topic, TAIL, since=since)}
        for pending in restored:
            for alert in pending.alerts[pending.acknowledged :]:
                if alert.alert_uuid not in published:
                    break
                log.info("alert is on its topic already", alert_uuid=alert.alert_uuid)
                pending.acknowledged += 1
            pending.restored = False


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
