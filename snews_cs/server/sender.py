"""Publishes alerts one by one, and knows which of those that wait are on their topics already."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.messages.times import posix_from_tai
from snews_cs.server.lane import Lane, Pending
from snews_cs.server.observer import Observer
from snews_cs.streams.publication import Publication, Publisher

log = structlog.get_logger(__name__)

TAIL = 10_000
"""How many of the newest alerts on a topic are looked at after a restart for those already published."""

TAIL_MARGIN = timedelta(minutes=10)
"""How much earlier than the oldest restored alert the look begins: the broker's clock is not ours."""


class AlertPublisher(Publisher, Protocol):
    """Publishes, and looks at what was published (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the newest records of a topic that are JSON objects; none of one that does not exist."""


class Sender:
    """Sends each alert until the broker has acknowledged it, and not again.

    Attributes
    ----------
    sent
        The alerts, by ``alert_uuid``, that are on their topic, of entries that are not marked yet.

    Parameters
    ----------
    publisher
        Where alerts go.
    monotonic
        A clock that never goes back, in s.
    observer
        Is told of acknowledged alerts.
    """

    def __init__(self, publisher: AlertPublisher, monotonic: Callable[[], float], observer: Observer) -> None:
        self.sent: set[str] = set()
        self._publisher = publisher
        self._monotonic = monotonic
        self._observer = observer

    def begin_anew(self, waiting: Iterable[Pending], sent_alone: Collection[str]) -> None:
        """Forget what waits no more, and learn what was acknowledged while the store was away."""
        uuids = {alert.alert_uuid for pending in waiting for alert in pending.alerts}
        self.sent = self.sent.union(sent_alone) & uuids

    def forget(self, pending: Pending) -> None:
        """Forget the alerts of an entry: it is marked, and does not wait any more."""
        self.sent -= {alert.alert_uuid for alert in pending.alerts}

    def send(self, topic: str, pending: Pending, until_s: float) -> bool:
        """Publish the alerts of an entry, at least one of them, until then; whether all are on the topic.

        Raises
        ------
        StreamError
            If the topic does not take one.
        """
        is_first = True
        for index, alert in enumerate(pending.alerts):
            if alert.alert_uuid in self.sent:
                continue
            if not is_first and self._monotonic() >= until_s:
                return False
            is_first = False
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
            self.sent.add(alert.alert_uuid)
            self._observer.acknowledged(pending.entry, alert)
        return True

    def look_at_topic(self, lane: Lane) -> None:
        """Learn which of the restored alerts reached the topic before the server that wrote them stopped.

        Raises
        ------
        StreamError
            If the topic cannot be read.
        """
        restored = [pending for pending in lane.pending if pending.is_restored]
        if not restored:
            return
        earliest_ns = min(pending.entry.received_ns for pending in restored)
        since = datetime.fromtimestamp(posix_from_tai(earliest_ns) / 1e9, UTC) - TAIL_MARGIN
        published = {str(record.get("alert_uuid")) for record in self._publisher.tail(lane.topic, TAIL, since=since)}
        for pending in restored:
            pending.is_restored = False
            for uuid in [alert.alert_uuid for alert in pending.alerts if alert.alert_uuid in published - self.sent]:
                log.info("alert is on its topic already", alert_uuid=uuid)
                self.sent.add(uuid)


def _announce(alert: Alert, topic: str) -> None:
    log.warning(
        "PUBLISHING AN ALERT!!!",
        alert_type=alert.published_type,
        detectors=[member.detector_name for member in alert.members],
        sub_list_number=alert.sub_list_number,
        revision=alert.revision,
        event_id=alert.event_id,
        topic=topic,
    )
