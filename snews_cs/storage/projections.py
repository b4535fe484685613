"""What the journal's entries mean for the projections.

It follows from the entries alone, is worked out here once for both stores, and may be done again at any time.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from snews_cs.coincidence.types import Alert, Disposition, LineRecord
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import (
    DetectorMessage,
    Heartbeat,
    Nanoseconds,
    Observation,
    Retraction,
    ServerMessage,
    SignificanceTier,
    TimingTier,
)
from snews_cs.storage.codec import headers_of
from snews_cs.storage.entry import Entry
from snews_cs.storage.tables import (
    AlertRow,
    CacheRow,
    HeartbeatRow,
    QuarantineRow,
    RetractionRow,
    Row,
    SignificanceRow,
    TimingRow,
    values,
)

_ALIVE = frozenset({Disposition.OPENED, Disposition.REFINED, Disposition.REPEATED, Disposition.EXPIRED})
"""Observations with these count as beats (:class:`snews_cs.coincidence.beats.Beats`); others have no effect at all."""


@dataclass(slots=True)
class Changes:
    """What a run of entries changes, each row only as the last of them leaves it.

    Parameters
    ----------
    rows
        Rows to write, new or not, by identity.
    lines_gone
        Identities of rows of the cache to delete.
    """

    rows: dict[type[Row], dict[Any, Row]] = field(default_factory=dict)
    lines_gone: set[int] = field(default_factory=set)

    def put(self, row: Row) -> None:
        """Take in a row; it supersedes an earlier one of the same identity."""
        self.rows.setdefault(type(row), {})[values(row)[0]] = row


def changes(entries: Iterable[Entry], *, heartbeats_kept_ns: Nanoseconds) -> Changes:
    """Return what consecutive entries change in the projections.

    Parameters
    ----------
    entries
        In order.
    heartbeats_kept_ns
        How long a heartbeat is kept (``HB_DELETE_AFTER``), ns.
    """
    found = Changes()
    heard: dict[str, tuple[Entry, Observation]] = {}
    for entry in entries:
        outcome = entry.outcome
        if outcome is not None:
            for line_id in outcome.lines_gone:
                found.rows.get(CacheRow, {}).pop(line_id, None)
            found.lines_gone.update(outcome.lines_gone)
            for line in outcome.lines:
                found.put(_cache_row(line))
            if outcome.disposition in _ALIVE and isinstance(entry.message, Observation):
                heard[_in_minute(entry, entry.message)] = entry, entry.message
            for alert in alert_rows(entry):
                found.put(alert)
        for row in _message_rows(entry, heartbeats_kept_ns):
            found.put(row)
    for beat, (entry, observation) in heard.items():
        found.put(_beat_row(beat, entry, observation, "ON", heartbeats_kept_ns))
    return found


def _cache_row(line: LineRecord) -> CacheRow:
    return CacheRow(
        line_id=line.line_id,
        is_test=line.cache.is_test,
        is_pre_sn=line.cache.is_pre_sn,
        detector_name=line.detector_name,
        neutrino_time=format_utc(line.neutrino_time_ns),
        neutrino_time_ns=line.neutrino_time_ns,
        p_value=line.p_value,
        message_uuid=line.message_uuid,
        received_time=format_utc(line.received_ns),
        received_ns=line.received_ns,
        expires_ns=line.expires_ns,
    )


def alert_rows(entry: Entry) -> Iterator[AlertRow]:
    """Yield the rows of an entry's alerts, in order."""
    if entry.outcome is not None:
        for alert, published in zip(entry.outcome.alerts, entry.alerts_json, strict=True):
            yield _alert_row(entry, alert, published)


def _alert_row(entry: Entry, alert: Alert, published: str) -> AlertRow:
    return AlertRow(
        alert_uuid=alert.alert_uuid,
        sequence=entry.sequence,
        event_id=alert.event_id,
        revision=alert.revision,
        alert_type=str(alert.alert_type),
        is_test=alert.cache.is_test,
        is_pre_sn=alert.cache.is_pre_sn,
        sub_list_number=alert.sub_list_number,
        detector_names=[member.detector_name for member in alert.members],
        sent_time=format_utc(alert.sent_time_ns),
        sent_time_ns=alert.sent_time_ns,
        alert=json.loads(published),
    )


def _message_rows(entry: Entry, heartbeats_kept_ns: Nanoseconds) -> Iterator[Row]:
    """Yield the rows of quarantine and of the tables that keep messages."""
    message = entry.message
    if not entry.verdict.accepted:
        yield _quarantine_row(entry)
        return
    match message:
        case Retraction():
            yield RetractionRow(
                **message_columns(entry, message),
                is_pre_sn=message.is_pre_sn,
                retract_message_uuid=message.retract_message_uuid,
                retract_latest_n=message.retract_latest_n,
                reason=message.reason,
                disposition=str(entry.outcome.disposition) if entry.outcome else None,
            )
        case Heartbeat():
            yield _beat_row(f"{entry.sequence:012}", entry, message, message.status, heartbeats_kept_ns)
        case SignificanceTier():
            yield SignificanceRow(
                **message_columns(entry, message),
                is_pre_sn=message.is_pre_sn,
                p_value=message.p_value,
                p_values=list(message.p_values),
                t_bin_width_s=message.t_bin_width_s,
            )
        case TimingTier():
            yield TimingRow(
                **message_columns(entry, message),
                is_pre_sn=message.is_pre_sn,
                p_value=message.p_value,
                neutrino_time=None if message.neutrino_time_ns is None else format_utc(message.neutrino_time_ns),
                neutrino_time_ns=message.neutrino_time_ns,
                start_time_ns=message.start_time_ns,
                timing_series=list(message.timing_series),
                time_bin_width_ns=message.time_bin_width_ns,
                background_rate_hz=message.background_rate_hz,
                detection_channel=message.detection_channel,
            )


def _in_minute(entry: Entry, observation: Observation) -> str:
    """Return the name of the beat that an observation is: the same for all of its detector in one minute.

    So a backlog of them costs hardly anything, and who looks sees when there were any.
    """
    test = ", test" if observation.is_test else ""
    return f"observation of {observation.detector_name}{test}, {format_utc(entry.received_ns)[:16]}"


def _beat_row(
    beat: str, entry: Entry, message: Heartbeat | Observation, status: str, kept_ns: Nanoseconds
) -> HeartbeatRow:
    return HeartbeatRow(
        **message_columns(entry, message),
        beat=beat,
        kind=message.kind,
        status=status,
        expires_ns=entry.received_ns + kept_ns,
    )


def message_columns(entry: Entry, message: DetectorMessage) -> dict[str, Any]:
    """Return the columns of ``MessageRow``."""
    return {
        "sequence": entry.sequence,
        "detector_name": message.detector_name,
        "message_uuid": message.message_uuid,
        "is_test": message.is_test,
        "received_time": format_utc(entry.received_ns),
        "received_ns": entry.received_ns,
        "machine_time_ns": message.machine_time_ns,
        "sent_time_ns": message.sent_time_ns,
    }


def _quarantine_row(entry: Entry) -> QuarantineRow:
    raw, message = entry.raw, entry.message
    return QuarantineRow(
        sequence=entry.sequence,
        reason=entry.verdict.reason or "",
        received_time=format_utc(entry.received_ns),
        received_ns=entry.received_ns,
        detector_name=None if message is None or isinstance(message, ServerMessage) else message.detector_name,
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp_ms=raw.timestamp_ms,
        headers=headers_of(raw),
        value=raw.value,
    )
