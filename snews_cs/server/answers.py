"""Answers to connection tests. They are sent after the alerts of their round, and nothing waits for them."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from uuid import uuid4

from snews_cs.messages.types import ConnectionTest
from snews_cs.storage.entry import Entry
from snews_cs.streams.publication import Publication

AGAIN_AFTER_S = 3.0
"""When a connection test is answered once more. snews_pt reads from the end of the topic on, and finds that end a
moment after it has asked: an answer that is faster than that it never sees. It looks after 8 s."""

MOST_WAITING = 100
"""How many answers wait at most; of a flood the oldest are dropped."""


class Answers:
    """The answers that are to be sent.

    Parameters
    ----------
    topic
        Where connection tests are answered: a full ``kafka://`` address.
    send
        Takes answers to the topic; neither waits nor fails (:meth:`snews_cs.server.courier.Courier.give`).
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(
        self, topic: str, send: Callable[[Sequence[Publication]], None], monotonic: Callable[[], float]
    ) -> None:
        self._topic = topic
        self._send = send
        self._monotonic = monotonic
        self._now: deque[Publication] = deque(maxlen=MOST_WAITING)
        self._later: deque[tuple[float, Publication]] = deque(maxlen=MOST_WAITING)

    def take(self, entry: Entry) -> None:
        """Answer a message, if it is one to be answered: soon, and :data:`AGAIN_AFTER_S` later."""
        if entry.verdict.accepted and isinstance(entry.message, ConnectionTest):
            payload = json.dumps(entry.message.reply).encode()
            name = entry.message.detector_name
            answer = Publication(url=self._topic, key=name, payload=payload, message_id=uuid4().bytes)
            self._now.append(answer)
            self._later.append((self._monotonic() + AGAIN_AFTER_S, answer))

    def send(self) -> None:
        """Send what is due."""
        while self._later and self._later[0][0] <= self._monotonic():
            self._now.append(self._later.popleft()[1])
        if self._now:
            self._send(list(self._now))
            self._now.clear()
