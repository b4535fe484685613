"""A topic that a courier's thread can be made to wait for."""

import threading
from collections.abc import Sequence

from snews_cs.errors import BrokerUnreachable
from snews_cs.streams.publication import Publication

PATIENCE_S = 30.0
"""How long anything is waited for at most, s."""


class Door:
    """A topic behind a door: who publishes waits until it is open, and finds the topic there or not."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.tried: list[int] = []
        self.failures = 0
        self.is_open = threading.Event()
        self.is_open.set()
        self.knocked = threading.Event()
        self.closed_by = ""
        self._changed = threading.Condition()

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Wait until it is open, and publish, unless that is to fail."""
        self.knocked.set()
        assert self.is_open.wait(PATIENCE_S)
        with self._changed:
            self.tried.append(len(publications))
            self._changed.notify_all()
            if self.failures:
                self.failures -= 1
                self.sent += [each.key for each in publications[:1]]  # some may stand
                raise BrokerUnreachable("the broker is played to be away")
            self.sent += [each.key for each in publications]

    def close(self) -> None:
        """Note by which thread."""
        self.closed_by = threading.current_thread().name

    def wait_for(self, count: int) -> list[str]:
        """Wait until so many were published, and return their keys."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, PATIENCE_S), self.sent
        return self.sent
