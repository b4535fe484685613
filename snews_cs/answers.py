"""What is answered to the one who sent a message. No alert needs it, so it may fail without harm to one."""

import json
from collections import deque
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

import structlog

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import StreamError
from snews_cs.messages.times import describe_duration
from snews_cs.messages.types import BrokerChange, ConnectionTest, DisplayHeartbeats, GetFeedback, HardReset
from snews_cs.storage.entry import Entry
from snews_cs.streams.publisher import Publication

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 3.0
"""When a connection test is answered once more. snews_pt reads from the end of the topic on, and finds that end a
moment after it has asked: an answer that is faster than that it never sees. It looks after 8 s."""

MOST_WAITING = 100
"""How many answers wait to be sent once more; of a flood the oldest are not."""


class Publisher(Protocol):
    """Where answers go (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def publish_all(self, publications: list[Publication]) -> None:
        """Write, and wait for the broker's acknowledgement."""


class Answers:
    """Answers connection tests, and says in the log what came of commands.

    Parameters
    ----------
    publisher, topic
        Where connection tests are answered: a full ``kafka://`` address.
    monotonic
        A clock that is never set: s.
    """

    def __init__(self, publisher: Publisher, topic: str, monotonic: Callable[[], float]) -> None:
        self._publisher = publisher
        self._topic = topic
        self._monotonic = monotonic
        self._again: deque[tuple[float, Publication]] = deque(maxlen=MOST_WAITING)

    def give(self, entry: Entry, engine: Engine) -> None:
        """Answer a message that has just been journaled. A reply that cannot be sent is logged: the client asks again.

        Parameters
        ----------
        entry
            The message and its verdict.
        engine
            For what is asked about the detectors' state.
        """
        if not entry.verdict.accepted:
            return
        match entry.message:
            case ConnectionTest(detector_name=name, reply=reply):
                self._reply(name, reply)
            case DisplayHeartbeats(detector_name=name):
                log.info("heartbeats asked for", detector=name)
                for beat in engine.heartbeats():
                    ago = describe_duration(entry.received_ns - beat.received_ns)
                    log.info("heartbeat", detector=beat.detector_name, status=beat.status, ago=ago, test=beat.is_test)
            case HardReset(detector_name=name, is_test=is_test):
                log.warning("caches emptied by hard-reset", detector=name, caches="tests" if is_test else "real")
            case BrokerChange(detector_name=name, new_broker=broker):
                log.warning("broker-change is not supported: restart with HOP_BROKER", detector=name, asked=broker)
            case GetFeedback(detector_name=name):
                log.warning("Get-Feedback is not supported yet: no mail is sent", detector=name)
            case _:
                pass

    def give_again(self) -> None:
        """Send once more what was answered :data:`AGAIN_AFTER_S` ago; what still waits at the server's end is lost."""
        now_s = self._monotonic()
        due = []
        while self._again and self._again[0][0] <= now_s:
            due.append(self._again.popleft()[1])
        if due:
            self._send(due)

    def _reply(self, detector_name: str, reply: dict[str, object]) -> None:
        answer = Publication(
            url=self._topic, key=detector_name, payload=json.dumps(reply).encode(), message_id=uuid4().bytes
        )
        self._again.append((self._monotonic() + AGAIN_AFTER_S, answer))
        if self._send([answer]):
            log.info("connection test answered", detector=detector_name)

    def _send(self, answers: list[Publication]) -> bool:
        try:
            self._publisher.publish_all(answers)
        except StreamError as error:
            detectors = ", ".join(sorted({answer.key for answer in answers}))
            log.error("connection test not answered", detector=detectors, error=str(error))
            return False
        return True
