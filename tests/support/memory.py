"""A topic and a publisher in memory, for tests of what is between them."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from snews_cs.errors import BrokerUnreachable, TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.publication import Publication


class MemoryTopic:
    """An observation topic: what is written is read once.

    Attributes
    ----------
    done
        The offsets marked as done.
    when_empty
        Called when it is read and nothing waits.
    """

    def __init__(self) -> None:
        self.done: list[int] = []
        self.when_empty: Callable[[], None] = lambda: None
        self._waiting: deque[RawMessage] = deque()
        self._offset = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, *contents: dict[str, Any] | bytes | None) -> list[RawMessage]:
        """Publish; dicts as JSON."""
        written = []
        for content in contents:
            value = json.dumps(content).encode() if isinstance(content, dict) else content
            written.append(RawMessage("experiments", 0, self._offset, 1_790_000_000_000, (), value))
            self._offset += 1
        self._waiting.extend(written)
        return written

    def deliver_again(self, *messages: RawMessage) -> None:
        """Let messages come once more, as after a lost commit."""
        self._waiting.extend(messages)

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Return what waits."""
        if not self._waiting:
            self.when_empty()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def mark_done(self, messages: Sequence[RawMessage]) -> None:
        """Note their offsets."""
        self.done += [message.offset for message in messages]


class Record(NamedTuple):
    """What stands on a topic of a :class:`MemoryPublisher`: its Kafka timestamp, key and content."""

    time: datetime
    key: str
    content: dict[str, Any]


class MemoryPublisher:
    """Alert topics.

    Attributes
    ----------
    now
        The broker's clock.
    failures, spared
        How many publications fail, after the next ``spared`` ones went well.
    taken
        Whether what fails reaches the topic all the same.
    refused
        The topics that cannot be written to.
    unreadable
        Whether no topic can be read.
    attempts
        The topics of all publications, failed ones too.
    looks
        The topics whose end was asked for.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.failures = self.spared = 0
        self.taken = False
        self.refused: set[str] = set()
        self.unreadable = False
        self.attempts: list[str] = []
        self.looks: list[str] = []
        self._records: dict[str, list[Record]] = {}

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Keep what is published."""
        for publication in publications:
            self.attempts.append(publication.url)
            if publication.url in self.refused:
                raise TopicMissing(f"{publication.url} is played to be missing")
            failing = self._fails()
            if not failing or self.taken:
                record = Record(self.now, publication.key, json.loads(publication.payload))
                self._records.setdefault(publication.url, []).append(record)
            if failing:
                raise BrokerUnreachable("the broker is played to be away")

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the topic's end. Who does not say since when would read it all: that is for tests to see."""
        self.looks.append(topic)
        assert since is not None
        assert since.tzinfo is UTC
        if self.unreadable:
            raise BrokerUnreachable("the broker is played to be away")
        return [record.content for record in self.records(topic)[-limit:] if record.time >= since]

    def records(self, topic: str = "alerts") -> list[Record]:
        """Return all that stands on a topic."""
        return self._records.get(topic, [])

    def contents(self, topic: str = "alerts") -> list[dict[str, Any]]:
        """Return what was published on a topic."""
        return [record.content for record in self.records(topic)]

    def uuids(self, topic: str = "alerts") -> list[str]:
        """Return the alert_uuid of each alert on a topic."""
        return [alert["alert_uuid"] for alert in self.contents(topic)]

    def _fails(self) -> bool:
        if self.failures and self.spared:
            self.spared -= 1
        elif self.failures:
            self.failures -= 1
            return True
        return False
