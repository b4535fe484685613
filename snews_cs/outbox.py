"""Alerts on their way out: each is published until the broker has acknowledged it, earlier entries first."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.errors import StreamError, TopicMissing
from snews_cs.messages.times import posix_from_tai
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.streams.backoff import Backoff
from snews_cs.streams.publisher import Publication

log = structlog.get_logger(__name__)

TAIL = 10_000
"""How many of the newest alerts on a topic are looked at after a restart for those already published."""

TAIL_MARGIN = timedelta(minutes=10)
"""How much earlier than the oldest restored alert the look begins: the broker's clock is not ours."""


class Publisher(Protocol):
    """Where alerts go (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def publish_all(self, publications: list[Publication]) -> None:
        """Write, and wait for the broker's acknowledgement."""

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the newest records of a topic that are JSON objects."""


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
    restored: bool
    acknowledged: int = 0


class Outbox:
    """The entries with unmarked alerts, in order.

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
        self, publisher: Publisher, topics: AlertTopics, storage: Storage, monotonic: Callable[[], float]
    ) -> None:
        self._publisher = publisher
        self._topics = topics
        self._storage = storage
        self._monotonic = monotonic
        self._pending: deque[_Pending] = deque()
        self._backoff = Backoff()
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, entries: Iterable[Entry], *, restored: bool = False) -> None:
        """Take in entries in order; what has nothing to publish is passed over."""
        self._pending.extend(_Pending(entry, restored) for entry in entries if not entry.published)

    def publish(self) -> None:
        """Publish and mark all that is pending; what the broker does not take stays, and is tried again later.

        Raises
        ------
        StoreUnreachable
            If an alert could not be marked; it is published, and will only be marked next time.
        """
        if not self._pending or self._monotonic() < self._not_before:
            return
        try:
            self._look_at_topics()
            while self._pending:
                self._publish_entry(self._pending[0])
                self._storage.mark_published(self._pending[0].entry.sequence)
                self._pending.popleft()
        except StreamError as error:
            delay_s = self._backoff.failure()
            self._not_before = self._monotonic() + delay_s
            log.error("alerts wait to be published", waiting=len(self), again_in_s=round(delay_s, 1), error=str(error))
        else:
            self._backoff.success()

    def _publish_entry(self, pending: _Pending) -> None:
        alerts = _alerts(pending)
        for index in range(pending.acknowledged, len(alerts)):
            alert = alerts[index]
            topic = self._topics.of(alert)
            log.warning(
                "PUBLISHING AN ALERT!!!",
                alert_type=str(alert.alert_type),
                detectors=[member.detector_name for member in alert.members],
                sub_list_number=alert.sub_list_number,
                revision=alert.revision,
                event_id=alert.event_id,
                topic=topic,
            )
            publication = Publication(
                url=topic,
                key=alert.event_id,
                payload=pending.entry.alerts_json[index].encode(),
                message_id=UUID(alert.alert_uuid).bytes,
            )
            self._publisher.publish_all([publication])
            pending.acknowledged = index + 1

    def _look_at_topics(self) -> None:
        """Pass over restored alerts that reached their topic before the server that wrote them stopped."""
        restored = [pending for pending in self._pending if pending.restored]
        if not restored:
            return
        earliest_ns = min(pending.entry.received_ns for pending in restored)
        since = datetime.fromtimestamp(posix_from_tai(earliest_ns) / 1e9, UTC) - TAIL_MARGIN
        topics = {self._topics.of(alert) for pending in restored for alert in _alerts(pending)}
        published = {uuid for topic in topics for uuid in self._published_on(topic, since)}
        for pending in restored:
            for alert in _alerts(pending)[pending.acknowledged :]:
                if alert.alert_uuid not in published:
                    break
                log.info("alert is on its topic already", alert_uuid=alert.alert_uuid)
                pending.acknowledged += 1
            pending.restored = False

    def _published_on(self, topic: str, since: datetime) -> set[str]:
        try:
            return {str(record.get("alert_uuid")) for record in self._publisher.tail(topic, TAIL, since=since)}
        except TopicMissing:
            return set()  # it is made with its first alert


def _alerts(pending: _Pending) -> tuple[Alert, ...]:
    return pending.entry.outcome.alerts if pending.entry.outcome else ()
