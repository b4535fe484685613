"""Sends messages at their time, each acknowledged by the broker."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

import structlog

from snews_cs.messages.registry import Registry
from snews_cs.messages.times import format_utc, tai_from_posix
from snews_cs.messages.types import Heartbeat, Observation, Retraction
from snews_cs.simulation.cues import Cue
from snews_cs.streams.publication import Publication

log = structlog.get_logger(__name__)


class Publisher(Protocol):
    """Where messages go (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def publish_all(self, publications: list[Publication]) -> None:
        """Write, and wait for the broker's acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Sends cues in order, each when its time has come, and logs each.

    Parameters
    ----------
    publisher, topic
        Where they go: a full ``kafka://`` address.
    registry
        For the detectors' numbers.
    wait
        Waits that many seconds and returns whether to stop.
    speed
        How many seconds of the cues pass in one second.
    """

    publisher: Publisher
    topic: str
    registry: Registry
    wait: Callable[[float], bool]
    speed: float = 1.0

    def play(self, cues: Iterable[Cue]) -> int:
        """Send until there are no more cues, or until told to stop; return how many were sent.

        Raises
        ------
        SettingsError
            If a client cannot say what it should.
        StreamError
            If the broker does not take a message.
        """
        start = time.monotonic()
        sent = 0
        for cue in cues:
            due_s = start + cue.at_ns / 1e9 / self.speed - time.monotonic()
            if self.wait(max(due_s, 0.0)):
                break
            self._send(cue)
            sent += 1
        return sent

    def _send(self, cue: Cue) -> None:
        written_unix_ns = time.time_ns()
        outgoing = cue.outgoing(self.registry, tai_from_posix(written_unix_ns), message_id=uuid4().bytes)
        said = cue.said
        self.publisher.publish_all(
            [
                Publication(
                    url=self.topic,
                    key="" if isinstance(said, str) else said.detector_name,
                    payload=outgoing.payload,
                    message_id=outgoing.message_id,
                    format=outgoing.format,
                )
            ]
        )
        took_ms = (time.time_ns() - written_unix_ns) / 1e6
        log.info(
            "sent",
            **_described(cue),
            message_id=str(UUID(bytes=outgoing.message_id)),
            written_unix_ns=written_unix_ns,
            acknowledged_after_ms=round(took_ms, 2),
        )


def _described(cue: Cue) -> dict[str, str | float | None]:
    said = cue.said
    match said:
        case str():
            return {"kind": "raw", "text": said}
        case Observation():
            about: dict[str, str | float | None] = {
                "neutrino_time": format_utc(said.neutrino_time_ns),
                "p_value": said.p_value,
            }
        case Retraction():
            about = {"target": said.retract_message_uuid or f"latest {said.retract_latest_n}"}
        case Heartbeat():
            about = {"status": said.status}
    return {"kind": said.kind, "detector": said.detector_name, **about, "client": cue.client}
