"""What the engine makes of a message, as an entry of the journal; a fault of ours costs it, not the server."""

from dataclasses import replace
from uuid import uuid4

import structlog

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.messages.admission import Reading
from snews_cs.messages.types import Nanoseconds
from snews_cs.server.arrival import Arrival
from snews_cs.storage.entry import Entry

log = structlog.get_logger(__name__)


def decide(engine: Engine, arrival: Arrival, sequence: int, server_tag: str, *, degraded: bool = False) -> Entry:
    """Apply a message to the engine, and return the entry that says what follows.

    If the engine fails on it, it is refused, with the failure for a reason, and the engine is as it was.

    Parameters
    ----------
    sequence
        The number of the entry.
    server_tag, degraded
        Who says so in the alerts, and whether alone.
    """
    reading, outcome = arrival.reading, None
    alerts_json: tuple[str, ...] = ()
    try:
        outcome = _apply(engine, arrival.key, reading, arrival.received_ns)
        alerts_json = _written(outcome, server_tag, degraded=degraded)
    except Exception as error:  # a fault of ours must cost one message, not the server
        log.critical("ALARM: the engine failed on a message", key=arrival.key, exc_info=True)
        if outcome is not None:  # else the engine has undone it
            engine.undo()
        verdict = replace(reading.verdict, reason=f"internal error: {type(error).__name__}")
        reading, outcome = replace(reading, verdict=verdict), None
    attempt = uuid4().hex
    return Entry(
        sequence=sequence,
        key=arrival.key,
        received_ns=arrival.received_ns,
        raw=arrival.raw,
        message=reading.message,
        verdict=reading.verdict,
        outcome=outcome,
        alerts_json=alerts_json,
        writer=server_tag,
        attempt=attempt,
        claim=attempt,
        published=not alerts_json,
    )


def apply_entry(engine: Engine, entry: Entry) -> Outcome | None:
    """Apply what was decided before, with the verdict it has; None if it was refused."""
    return _apply(engine, entry.key, Reading(entry.message, entry.verdict), entry.received_ns)


def follow_entry(engine: Engine, entry: Entry) -> Outcome | None:
    """Apply what was decided before, whatever comes of it; None if it was refused, or the engine fails on it."""
    try:
        return apply_entry(engine, entry)
    except Exception:  # a fault of ours must cost one entry, not the server; the journal's decision stands
        log.critical("ALARM: the engine failed on an entry of the journal", sequence=entry.sequence, exc_info=True)
        return None


def _apply(engine: Engine, key: str, reading: Reading, received_ns: Nanoseconds) -> Outcome | None:
    if reading.message is None or not reading.verdict.accepted:
        return None
    return engine.apply(reading.message, received_ns, key)


def _written(outcome: Outcome | None, server_tag: str, *, degraded: bool) -> tuple[str, ...]:
    alerts = outcome.alerts if outcome else ()
    return tuple(alert_json(alert, server_tag=server_tag, degraded=degraded) for alert in alerts)
