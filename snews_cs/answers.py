"""What is answered to the one who sent a message. No alert needs it, so it may fail without harm to one."""

import json
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
    """

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

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

    def _reply(self, detector_name: str, reply: dict[str, object]) -> None:
        publication = Publication(
            url=self._topic, key=detector_name, payload=json.dumps(reply).encode(), message_id=uuid4().bytes
        )
        try:
            self._publisher.publish_all([publication])
        except StreamError as error:
            log.error("connection test not answered", detector=detector_name, error=str(error))
        else:
            log.info("connection test answered", detector=detector_name)
