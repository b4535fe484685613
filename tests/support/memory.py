"""A topic and a publisher in memory, for tests of what is between them."""

import json
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from snews_cs.errors import BrokerUnreachable
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.publication import Publication


class MemoryTopic:
    """An observation topic: what is written is read once; ``done`` holds the offsets marked as done."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self._waiting: deque[RawMessage] = deque()
        self._offset = 0

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
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def mark_done(self, messages: Sequence[RawMessage]) -> None:
        """Note their offsets."""
        self.done += [message.offset for message in messages]


class MemoryPublisher:
    """Alert topics; ``failures`` of the next publications fail (``taken`` says whether they reach the topic first)."""

    def __init__(self) -> None:
        self.published: dict[str, list[dict[str, Any]]] = {}
        self.keys: list[str] = []
        self.failures = 0
        self.taken = False

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Keep what is published."""
        for publication in publications:
            failing = self.failures > 0
            if not failing or self.taken:
                self.published.setdefault(publication.url, []).append(json.loads(publication.payload))
                self.keys.append(publication.key)
            if failing:
                self.failures -= 1
                raise BrokerUnreachable("the broker is played to be away")

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the topic's end."""
        assert since is not None
        assert since.tzinfo is UTC
        return self.published.get(topic, [])[-limit:]

    def uuids(self, topic: str = "alerts") -> list[str]:
        """Return the alert_uuid of each alert on a topic."""
        return [alert["alert_uuid"] for alert in self.published.get(topic, [])]
