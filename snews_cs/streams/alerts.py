"""Alerts, read back from a topic."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from hop.io import StartPosition

from snews_cs.errors import MessageRefused
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.reader import Reader, ReceivedRecord
from snews_cs.streams.session import ReadFrom
from snews_cs.streams.stream import TopicStream

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """A JSON object that stood on a topic of alerts.

    Parameters
    ----------
    content
        The object. It is what was published, checked by nobody.
    published_unix_ms
        The record's Kafka timestamp, POSIX time, ms.
    arrived_unix_ns
        When it arrived here, POSIX time, ns.
    """

    content: dict[str, Any]
    published_unix_ms: int
    arrived_unix_ns: int


class AlertStream(TopicStream):
    """Reads a topic of alerts; what is no JSON object on it is logged and passed over.

    Every alert comes at least once. With a consumer group reading goes on behind the last one marked as done; those
    since then, and some more, come again.

    Parameters
    ----------
    url
        ``kafka://HOST[:PORT]/TOPIC``.
    auth
        Whether to log in with the credentials of hop's ``auth.toml``.
    group_id
        The consumer group under which the position is kept; None to keep none.
    from_beginning
        Whether to begin with the topic's first record, where the group has no position yet; else with what comes
        after the stream has opened. "After" takes the broker some ms to settle: who must not miss the first alert
        of a test reads from the beginning.
    since
        Begin with the first record of this Kafka timestamp or later, each time the topic is opened.
    on_open
        Called, in another thread, each time the topic has been opened.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: bool,
        group_id: str | None = None,
        from_beginning: bool = False,
        since: datetime | None = None,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        start = StartPosition.EARLIEST if from_beginning else StartPosition.LATEST
        source = ReadFrom(address=TopicAddress.parse(url), auth=auth, group_id=group_id, start=start, since=since)
        super().__init__(Reader(source, on_open=on_open))
        self._keeps_position = group_id is not None
        self._last: dict[int, ReceivedRecord] = {}

    def batch(self, timeout_s: float, limit: int = 100) -> list[ReceivedAlert]:
        """Wait for an alert, at most that long, and return it with those that have arrived behind it already.

        Raises
        ------
        StreamError
            If reading ended by an error that trying again cannot mend.
        """
        arrivals = self._take(timeout_s, limit)
        if self._keeps_position:
            self._last.update((arrival.record.partition, arrival) for arrival in arrivals)
        return [alert for arrival in arrivals for alert in _received(arrival)]

    def mark_done(self) -> None:
        """Note that all that :meth:`batch` has returned so far need never come again."""
        for arrival in self._last.values():
            arrival.session.mark(arrival.record.partition, arrival.record.offset)
        self._last.clear()


def json_object(record: RawMessage) -> dict[str, Any]:
    """Return the JSON object that a record holds.

    Raises
    ------
    MessageRefused
        If it holds none.
    """
    try:
        content = json.loads(record.value or b"")
    except (ValueError, RecursionError) as error:
        raise MessageRefused(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise MessageRefused("no JSON object")
    return content


def _received(arrival: ReceivedRecord) -> Iterator[ReceivedAlert]:
    record = arrival.record
    try:
        yield ReceivedAlert(json_object(record), record.timestamp_ms, arrival.arrived_unix_ns)
    except MessageRefused as reason:
        log.warning(
            "passed over a record on a topic of alerts",
            reason=str(reason),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
