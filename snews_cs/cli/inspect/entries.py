"""An entry of the journal, in words."""

import json
from collections.abc import Iterator
from typing import Any

from snews_cs.coincidence.types import CacheKey
from snews_cs.inspection.browse import detector_of
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import (
    MESSAGE,
    BrokerChange,
    Heartbeat,
    Member,
    Nanoseconds,
    Observation,
    Reconcile,
    Retraction,
)
from snews_cs.storage.codec import json_text
from snews_cs.storage.entry import Entry

COLUMNS = ("ENTRY", "RECEIVED", "KIND", "DETECTOR", "SAYS", "BECAME", "ALERTS")
"""The columns of :func:`row`."""

Fields = list[tuple[str, str]]


def row(entry: Entry) -> tuple[str, ...]:
    """Return an entry as a row of :data:`COLUMNS`."""
    return (
        str(entry.sequence),
        moment(entry.received_ns),
        entry.message.kind if entry.message else "?",
        detector_of(entry) or "",
        _says(entry),
        became(entry),
        "; ".join(_alerts(entry)),
    )


def became(entry: Entry) -> str:
    """Return what became of a message."""
    if entry.verdict.reason is not None:
        return f"refused: {entry.verdict.reason}"
    return str(entry.outcome.disposition) if entry.outcome else ""


def moment(time_ns: Nanoseconds) -> str:
    """Return a time to the ms, UTC."""
    return f"{format_utc(time_ns)[:23]}Z"


def place(entry: Entry) -> str:
    """Return where the record stood; records of the server itself stood nowhere."""
    raw = entry.raw
    return f"{raw.topic}/{raw.partition}/{raw.offset}" if raw.partition >= 0 else "written by the server itself"


def sections(entry: Entry) -> Iterator[tuple[str, Fields]]:
    """Yield everything about an entry: titles with names and values."""
    yield f"Entry {entry.sequence}", _head(entry)
    if entry.message is not None:
        yield f"Message: {entry.message.kind}", _plain_fields(MESSAGE.dump_python(entry.message))
    if entry.outcome is not None:
        yield f"Outcome: {entry.outcome.disposition}", list(_outcome(entry))
    for number, text in enumerate(entry.alerts_json, 1):
        yield f"Alert {number} of {len(entry.alerts_json)}", _plain_fields(json.loads(text))


def _head(entry: Entry) -> Fields:
    fields = [
        ("key", entry.key),
        ("record", place(entry)),
        ("received", format_utc(entry.received_ns)),
        ("verdict", "accepted" if entry.verdict.accepted else f"refused: {entry.verdict.reason}"),
        *(("warning", warning) for warning in entry.verdict.warnings),
        ("writer", entry.writer),
        ("attempt", entry.attempt),
    ]
    if entry.alerts_json:
        fields.append(("published", "yes" if entry.published else "not yet"))
    return fields


def _outcome(entry: Entry) -> Iterator[tuple[str, str]]:
    outcome = entry.outcome
    if outcome is None:
        return
    for line in outcome.lines:
        observed = _observed(Member(line.detector_name, line.neutrino_time_ns, line.p_value, line.message_uuid))
        yield f"line {line.line_id}", f"{cache_name(line.cache)}: {observed}"
    for number in outcome.lines_gone:
        yield f"line {number}", "gone"
    for sublist in outcome.sublists:
        standing = f", event {sublist.event_id} revision {sublist.revision}" if sublist.event_id else ""
        lines = " ".join(map(str, sublist.line_ids))
        yield f"sublist {sublist.number}", f"{cache_name(sublist.cache)}: lines {lines}{standing}"
    for cache, number in outcome.sublists_gone:
        yield f"sublist {number}", f"{cache_name(cache)}: gone"


def cache_name(key: CacheKey) -> str:
    """Return what to call a cache."""
    return ("tests" if key.is_test else "real") + (", pre-SN" if key.is_pre_sn else "")


def _plain_fields(content: dict[str, Any]) -> Fields:
    """Return an object's members as text; a time in TAI ns also as UTC."""
    fields = []
    for name, value in content.items():
        if isinstance(value, int) and not isinstance(value, bool) and name.endswith(("_time_ns", "received_ns")):
            fields.append((name.removesuffix("_ns"), _utc(value)))
        else:
            fields.append((name, value if isinstance(value, str) else json_text(value)))
    return fields


def _utc(time_ns: Nanoseconds) -> str:
    try:
        return format_utc(time_ns)
    except (ValueError, OverflowError):
        return f"{time_ns} ns"  # beyond the calendar


def _says(entry: Entry) -> str:
    match entry.message:
        case Observation() as message:
            member = Member(message.detector_name, message.neutrino_time_ns, message.p_value, message.message_uuid)
            marks = "".join(mark for mark, on in ((" test", message.is_test), (" pre-SN", message.is_pre_sn)) if on)
            return _observed(member).removeprefix(f"{message.detector_name} at ") + marks
        case Retraction() as message:
            return message.retract_message_uuid or f"latest {message.retract_latest_n}"
        case Heartbeat() as message:
            return message.status
        case BrokerChange() as message:
            return message.new_broker
        case Reconcile() as message:
            test = " test" if message.is_test else ""
            return f"{len(message.alerts)}{test} alerts sent alone"
        case _:
            return ""


def _observed(member: Member) -> str:
    p_value = "" if member.p_value is None else f", p {member.p_value:.3g}"
    return f"{member.detector_name} at {_utc(member.neutrino_time_ns)}{p_value}"


def _alerts(entry: Entry) -> Iterator[str]:
    for alert in entry.outcome.alerts if entry.outcome else ():
        test = "TEST " if alert.cache.is_test else ""
        names = ", ".join(member.detector_name for member in alert.members)
        yield f"{test}{alert.alert_type} {names}{'' if entry.published else ' (not published yet)'}"
