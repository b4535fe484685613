"""What a store holds, as records to look at, to export and to count: one kind of record for each table.

The journal's tables (``journal``, ``observations``) are read from the journal itself; the others from the projections,
which may be a moment behind it. Nothing is loaded all at once, but for heartbeats, which are not kept for long.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from snews_cs.coincidence.types import Outcome
from snews_cs.inspection.browse import detector_of
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Message, Nanoseconds, Observation, Verdict
from snews_cs.storage.entry import Entry
from snews_cs.storage.projections import alert_rows, message_columns
from snews_cs.storage.protocol import StoreReader
from snews_cs.storage.tables import (
    AlertRow,
    CacheRow,
    HeartbeatRow,
    MessageRow,
    QuarantineRow,
    RetractionRow,
    Row,
    SignificanceRow,
    TimingRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord(Row):
    """An entry of the journal: a message as it came, what was understood and decided, and who wrote that down.

    Bytes are base64 (URL-safe alphabet) wherever the record is text; times are TAI ns, the received one also UTC.
    ``kind``, ``detector_name`` and ``is_test`` are the message's, null if it has none.
    """

    table: ClassVar = "all_mgs"
    sequence: int
    key: str
    received_time: str
    received_ns: Nanoseconds
    kind: str | None
    detector_name: str | None
    is_test: bool | None
    raw: RawMessage
    message: Message | None
    verdict: Verdict
    outcome: Outcome | None
    alerts: list[dict[str, Any]]
    writer: str
    attempt: str
    claim: str
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRecord(MessageRow):
    """An accepted CoincidenceTier message, and what became of it (``disposition``)."""

    table: ClassVar = "all_mgs"
    is_pre_sn: bool
    neutrino_time: str
    neutrino_time_ns: Nanoseconds
    p_value: float | None
    disposition: str


class Table(NamedTuple):
    """A table: its records' type, and what reads those received (alerts: sent) at a time or later, in order."""

    record: type[Row]
    read: Callable[[StoreReader, Nanoseconds], Iterator[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records are wanted.

    Parameters
    ----------
    since_ns, until_ns
        Received (alerts: sent) then or later, and before; TAI ns. None: no end.
    detector
        Of this detector only, in any case of letters (an alert: with this detector among its members).
    """

    since_ns: Nanoseconds = 0
    until_ns: Nanoseconds | None = None
    detector: str | None = None

    def takes(self, record: Row) -> bool:
        """Return whether a record is wanted."""
        time_ns = getattr(record, record.time)
        if time_ns < self.since_ns or (self.until_ns is not None and time_ns >= self.until_ns):
            return False
        return self.detector is None or self.detector.casefold() in map(str.casefold, _detectors(record))


def entry_record(entry: Entry) -> EntryRecord:
    """Return an entry as a record."""
    return EntryRecord(
        sequence=entry.sequence,
        key=entry.key,
        received_time=format_utc(entry.received_ns),
        received_ns=entry.received_ns,
        kind=None if entry.message is None else entry.message.kind,
        detector_name=detector_of(entry),
        is_test=getattr(entry.message, "is_test", None),
        raw=entry.raw,
        message=entry.message,
        verdict=entry.verdict,
        outcome=entry.outcome,
        alerts=[json.loads(text) for text in entry.alerts_json],
        writer=entry.writer,
        attempt=entry.attempt,
        claim=entry.claim,
        published=entry.published,
    )


def observation_record(entry: Entry) -> ObservationRecord | None:
    """Return the observation of an entry, None if it is none that was accepted."""
    message, outcome = entry.message, entry.outcome
    if not isinstance(message, Observation) or outcome is None:
        return None
    return ObservationRecord(
        **message_columns(entry, message),
        is_pre_sn=message.is_pre_sn,
        neutrino_time=format_utc(message.neutrino_time_ns),
        neutrino_time_ns=message.neutrino_time_ns,
        p_value=message.p_value,
        disposition=str(outcome.disposition),
    )


def records(store: StoreReader, table: str, selection: Selection) -> Iterator[Row]:
    """Yield the wanted records of a table (a key of :data:`TABLES`) in the order in which they were received.

    Raises
    ------
    StorageError
        If the store fails.
    """
    return filter(selection.takes, TABLES[table].read(store, selection.since_ns))


def _detectors(record: Row) -> list[str]:
    names: list[str] | None = getattr(record, "detector_names", None)
    if names is not None:
        return names
    name: str | None = getattr(record, "detector_name", None)
    return [] if name is None else [name]


def _journal(store: StoreReader, _since_ns: Nanoseconds) -> Iterator[EntryRecord]:
    return map(entry_record, store.entries())


def _observations(store: StoreReader, _since_ns: Nanoseconds) -> Iterator[ObservationRecord]:
    return filter(None, map(observation_record, store.entries()))


def _alerts(store: StoreReader, since_ns: Nanoseconds) -> Iterator[AlertRow]:
    """Yield alerts in the order of the journal: their own table goes by uuid, and may not fit into memory."""
    for sequence in sorted({row.sequence for row in store.rows(AlertRow, since_ns=since_ns)}):
        entry = store.entry(sequence)
        if entry is not None:
            yield from alert_rows(entry)


def _heartbeats(store: StoreReader, since_ns: Nanoseconds) -> Iterator[HeartbeatRow]:
    """Yield beats in the order of the journal: their own table has observations last. A week's fit into memory."""
    yield from sorted(store.rows(HeartbeatRow, since_ns=since_ns), key=attrgetter("sequence"))


def _projection(kind: type[Row]) -> Table:
    return Table(kind, lambda store, since_ns: store.rows(kind, since_ns=since_ns))


TABLES: dict[str, Table] = {
    "journal": Table(EntryRecord, _journal),
    "observations": Table(ObservationRecord, _observations),
    "alerts": Table(AlertRow, _alerts),
    "significance": _projection(SignificanceRow),
    "timing": _projection(TimingRow),
    "retractions": _projection(RetractionRow),
    "heartbeats": Table(HeartbeatRow, _heartbeats),
    "quarantine": _projection(QuarantineRow),
    "cache": _projection(CacheRow),
}
"""What can be looked at, by name."""
