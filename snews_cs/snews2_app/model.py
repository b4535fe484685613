"""The first application's model: what is done with which message."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import structlog

from snews_cs.errors import MessageRefused
from snews_cs.snews2_app.hop_plugin import SNEWSAlert, SNEWSHeartbeat, SNEWSObservation
from snews_cs.snews2_app.interfaces import IDecider

log = structlog.get_logger(__name__)

COINCIDENCE = "SNEWS Alert: a coincidence between detectors has been observed."
"""What an alert says."""


class Consumer(Protocol):
    """What a model reads from: hop's consumer, ``Stream(...).open(url, "r")``."""

    def read(self, *, metadata: bool, autocommit: bool, batch_size: int) -> Iterator[tuple[Any, Any]]:
        """Yield messages and their metadata as they arrive."""

    def mark_done(self, metadata: Any) -> None:
        """Let a message never come again."""


class Model:
    """Takes observations and heartbeats to a decider, and says when there is an alert.

    Attributes
    ----------
    mapping
        Which method processes a message, by the name of its class.

    Parameters
    ----------
    decider
        What takes in and decides.
    publish
        Called with each alert, for instance a hop producer's ``write``; None to publish nothing.
    """

    def __init__(self, decider: IDecider, publish: Callable[[SNEWSAlert], object] | None = None) -> None:
        self._decider = decider
        self._publish = publish
        self.mapping: dict[str, Callable[[Any], None]] = {
            SNEWSObservation.__name__: self.process_observation,
            SNEWSHeartbeat.__name__: self.process_heartbeat,
        }

    def run(self, consumer: Consumer) -> None:
        """Process what arrives, until that ends; each message is marked as done when it is processed.

        An error of the decider, of its store, or of ``publish`` ends it, and that message comes again; an alert that
        was decided and not published does not: only the server makes sure of that.
        """
        for message, metadata in consumer.read(metadata=True, autocommit=False, batch_size=1):
            self.process(message)
            consumer.mark_done(metadata)

    def process(self, message: object) -> None:
        """Process a message of any kind: what the mapping does not have, or the decider refuses, is logged."""
        kind = type(message).__name__
        processor = self.mapping.get(kind)
        if processor is None:
            log.info("passed over a message that is not of the first application", kind=kind)
            return
        try:
            processor(message)
        except MessageRefused as refusal:
            log.warning("a message of the first application was refused", kind=kind, reason=str(refusal))

    def process_observation(self, message: SNEWSObservation) -> None:
        """Add an observation, and publish an alert if it calls for one."""
        self._decider.addMessage(message.sent_time, message.neutrino_time, asdict(message))
        if self._publish is not None and self._decider.deciding():
            now = f"{datetime.now(UTC):%y/%m/%d %H:%M:%S}"
            self._publish(SNEWSAlert(message_id=str(uuid4()), sent_time=now, machine_time=now, content=COINCIDENCE))

    def process_heartbeat(self, message: SNEWSHeartbeat) -> None:
        """Add a heartbeat."""
        self._decider.addMessage(message.sent_time, None, asdict(message))
