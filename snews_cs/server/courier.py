"""Takes to the broker what nothing may wait for, in a thread of its own."""

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import closing
from typing import Protocol, Self

import structlog

from snews_cs.errors import StreamError
from snews_cs.streams.publication import Publication, Publisher
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
"""How many messages wait at most, unless said otherwise; of more, the oldest are dropped."""

MOST_AT_ONCE = 200
"""How many are published together, and again together if one of them fails."""

LONGEST_WAIT_S = 5.0
"""How long what the broker does not take waits at most before it is tried again, s; whoever tests looks for 8 s."""

FINISH_WITHIN_S = 0.4
"""For how long the end waits for what is left, s; the server ends its couriers one after the other."""


class ClosingPublisher(Publisher, Protocol):
    """Publishes, and can be closed (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def close(self) -> None:
        """End the connections."""


class Courier:
    """Publishes messages in order, sooner or later; whoever gives them never waits.

    What the broker does not take is tried again, until ``most_waiting`` newer ones have come. So some may be
    published twice, with the same ``_id``, and some never: the log says how many.

    Parameters
    ----------
    publisher
        Used, and closed in the end, by the courier's thread alone.
    cargo
        What the log calls the messages.
    most_waiting
        How many wait at most; of more, the oldest are dropped.
    """

    def __init__(self, publisher: ClosingPublisher, cargo: str, most_waiting: int = MOST_WAITING) -> None:
        self._publisher = publisher
        self._cargo = cargo
        self._most_waiting = most_waiting
        self._news = threading.Condition()  # guards all that follows
        self._waiting: deque[Publication] = deque()
        self._in_hand: list[Publication] = []
        self._dropped = 0
        self._is_ending = False
        self._thread = threading.Thread(target=self._work, name=f"courier of {cargo}", daemon=True)
        self._thread.start()

    def give(self, messages: Iterable[Publication]) -> None:
        """Have messages published after those given before. Returns at once, whatever the broker does."""
        with self._news:
            self._waiting.extend(messages)
            self._make_room()
            self._news.notify()

    def close(self) -> None:
        """Publish what is left, within :data:`FINISH_WITHIN_S`; what is left then is lost."""
        with self._news:
            self._is_ending = True
            self._news.notify()
        self._thread.join(FINISH_WITHIN_S)
        with self._news:
            if lost := len(self._waiting) + len(self._in_hand):
                log.error("answers or notices lost: the server ends", cargo=self._cargo, count=lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        backoff = Backoff(longest=LONGEST_WAIT_S)
        with closing(self._publisher):
            while batch := self._take():
                try:
                    self._publisher.publish_all(batch)
                except StreamError as error:
                    delay_s = backoff.failure()
                    waiting = self._put_back()
                    log.error(
                        "answers or notices wait to be sent",
                        cargo=self._cargo,
                        waiting=waiting,
                        again_in_s=delay_s,
                        error=str(error),
                    )
                    with self._news:
                        if self._news.wait_for(lambda: self._is_ending, delay_s):
                            return
                else:
                    backoff.success()

    def _take(self) -> list[Publication]:
        """Wait for messages, and take the first of them in hand; there are none when all is done."""
        with self._news:
            self._in_hand = []
            self._news.wait_for(lambda: self._waiting or self._is_ending)
            self._in_hand = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.error("answers or notices dropped: more came than were sent", cargo=self._cargo, count=dropped)
        return self._in_hand

    def _put_back(self) -> int:
        """Let what is in hand wait again, and return how many wait now."""
        with self._news:
            self._waiting.extendleft(reversed(self._in_hand))
            self._in_hand = []
            self._make_room()
            return len(self._waiting)

    def _make_room(self) -> None:
        while len(self._waiting) > self._most_waiting:
            self._waiting.popleft()
            self._dropped += 1
