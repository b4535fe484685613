"""One entry of the journal: a message as it came, what was decided about it, and who wrote that down."""

from dataclasses import dataclass

from snews_cs.coincidence.types import Outcome
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Message, Nanoseconds, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the journal (SPEC section 6, step 4).

    Parameters
    ----------
    sequence
        1, 2, 3, ... without gaps; unique.
    key
        Identity of the message, unique too (:attr:`snews_cs.messages.raw.RawMessage.key` of what came,
        computed before any password in it was masked).
    received_ns
        When the server took the message in, TAI ns; the engine's "now" for this message.
    raw
        The record as it came, passwords masked.
    message
        What was understood; None if it could not be decoded.
    verdict
        Accepted, or quarantined with the reason.
    outcome
        What the engine made of it; None if it was quarantined.
    alerts_json
        The alerts of the outcome as published, one JSON text each, in order.
    writer, attempt
        ``SERVER_TAG`` of the server that appended it, and the id of that very attempt.
    claim
        Who is to publish its alerts: at first ``attempt``, that is, whoever appended it; while they are not marked as
        published, another server may take that over (:meth:`snews_cs.storage.protocol.Storage.claim`).
    published
        Whether the broker has acknowledged all of ``alerts_json`` (True from the start if there are none).
    """

    sequence: int
    key: str
    received_ns: Nanoseconds
    raw: RawMessage
    message: Message | None
    verdict: Verdict
    outcome: Outcome | None
    alerts_json: tuple[str, ...] = ()
    writer: str
    attempt: str
    claim: str
    published: bool
