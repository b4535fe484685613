"""Answers to connection tests. They go out after the alerts of their round, all at once; no alert waits for them."""

import json
from collections import deque
from collections.abc import Callable
from uuid import uuid4

import structlog

from snews_cs.errors import StreamError
from snews_cs.messages.types import ConnectionTest
from snews_cs.storage.entry import Entry
from snews_cs.streams.publication import Publication, Publisher

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 3.0
"""When a connection test is answered once more. snews_pt reads from the end of the topic on, and finds that end a
moment after it has asked: an answer that is faster than that it never sees. It looks after 8 s."""

PAUSE_S = 3.0
"""For how long nothing is sent after a failure, s: each may hold up the loop, and an alert in it, for 2.5 s."""

MOST_WAITING = 100
"""How many answers wait at most; of a flood the oldest are dropped."""


class Answers:
    """The answers that are to be sent.

    Parameters
    ----------
    publisher, topic
        Where connection tests are answered: a full ``kafka://`` address.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(self, publisher: Publisher, topic: str, monotonic: Callable[[], float]) -> None:
        self._publisher = publisher
        self._topic = topic
        self._monotonic = monotonic
        self._now: deque[Publication] = deque(maxlen=MOST_WAITING)
        self._later: deque[tuple[float, Publication]] = deque(maxlen=MOST_WAITING)
        self._not_before_s = float("-inf")

    def take(self, entry: Entry) -> None:
        """Answer a message, if it is one to be answered: soon, and :data:`AGAIN_AFTER_S` later."""
        if entry.verdict.accepted and isinstance(entry.message, ConnectionTest):
            payload = json.dumps(entry.message.reply).encode()
            name = entry.message.detector_name
            answer = Publication(url=self._topic, key=name, payload=payload, message_id=uuid4().bytes)
            self._now.append(answer)
            self._later.append((self._monotonic() + AGAIN_AFTER_S, answer))

    def send(self) -> None:
        """Send what is due. What cannot be sent is dropped and logged: the client asks again."""
        while self._later and self._later[0][0] <= self._monotonic():
            self._now.append(self._later.popleft()[1])
        if not self._now or self._monotonic() < self._not_before_s:
            return
        due = list(self._now)
        self._now.clear()
        detectors = ", ".join(sorted({answer.key for answer in due}))
        try:
            self._publisher.publish_all(due)
        except StreamError as error:
            self._not_before_s = self._monotonic() + PAUSE_S
            log.error("connection test not answered", detectors=detectors, error=str(error))
        else:
            log.info("connection test answered", detectors=detectors)
