"""The projections' tables: for people and other programs; the engine never reads them.

A row is known by its first column and always written whole. Times that people look at stand there as UTC text besides
the TAI ns.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, get_origin

from pydantic import TypeAdapter, ValidationError

from snews_cs.errors import StorageError
from snews_cs.messages.types import Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a projection. Its fields are the table's columns, the first one its identity.

    Attributes
    ----------
    table
        The table's name.
    time
        The column that says when it was received, or sent.
    """

    table: ClassVar[str]
    time: ClassVar[str] = "received_ns"


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRow(Row):
    """A live observation as it now stands."""

    table: ClassVar = "cache"
    line_id: int
    is_test: bool
    is_pre_sn: bool
    detector_name: str
    neutrino_time: str
    neutrino_time_ns: Nanoseconds
    p_value: float | None
    message_uuid: str
    received_time: str
    received_ns: Nanoseconds
    expires_ns: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow(Row):
    """An alert; ``alert`` is the JSON object as published."""

    table: ClassVar = "coincidence_tier_alerts"
    time: ClassVar = "sent_time_ns"
    alert_uuid: str
    sequence: int
    event_id: str
    revision: int
    alert_type: str
    is_test: bool
    is_pre_sn: bool
    sub_list_number: int
    detector_names: list[str]
    sent_time: str
    sent_time_ns: Nanoseconds
    alert: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow(Row):
    """What all rows made of a detector's message have; ``sequence`` is the number of its entry in the journal."""

    sequence: int
    detector_name: str
    message_uuid: str
    is_test: bool
    received_time: str
    received_ns: Nanoseconds
    machine_time_ns: Nanoseconds | None
    sent_time_ns: Nanoseconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractionRow(MessageRow):
    """A retraction, and what became of it."""

    table: ClassVar = "false_warnings"
    is_pre_sn: bool
    retract_message_uuid: str | None
    retract_latest_n: int | str | None
    reason: str | None
    disposition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatRow(Row):
    """A sign of life, kept for ``HB_DELETE_AFTER``: a heartbeat, or a detector's latest observation in a minute.

    Parameters
    ----------
    beat
        Which one: a heartbeat's number in the journal (twelve digits), or whose observation it is, and in which minute.
    kind
        ``heartbeat``, or ``observation``, which says ON.
    """

    table: ClassVar = "heartbeats"
    beat: str
    sequence: int
    detector_name: str
    message_uuid: str
    is_test: bool
    received_time: str
    received_ns: Nanoseconds
    machine_time_ns: Nanoseconds | None
    sent_time_ns: Nanoseconds | None
    kind: str
    status: str
    expires_ns: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SignificanceRow(MessageRow):
    """A SignificanceTier message."""

    table: ClassVar = "sig_tier_archive"
    is_pre_sn: bool
    p_value: float | None
    p_values: list[float]
    t_bin_width_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingRow(MessageRow):
    """A TimingTier message."""

    table: ClassVar = "time_tier_archive"
    is_pre_sn: bool
    p_value: float | None
    neutrino_time: str | None
    neutrino_time_ns: Nanoseconds | None
    start_time_ns: Nanoseconds | None
    timing_series: list[int]
    time_bin_width_ns: int | None
    background_rate_hz: float | None
    detection_channel: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow(Row):
    """A message that was refused: why, where it stood, and its bytes."""

    table: ClassVar = "quarantine"
    sequence: int
    reason: str
    received_time: str
    received_ns: Nanoseconds
    detector_name: str | None
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    headers: list[dict[str, Any]]
    value: bytes | None


KINDS: tuple[type[Row], ...] = (
    CacheRow,
    AlertRow,
    SignificanceRow,
    TimingRow,
    RetractionRow,
    HeartbeatRow,
    QuarantineRow,
)
"""The projections."""


COLUMNS = {kind: tuple(column.name for column in fields(kind)) for kind in KINDS}
"""The names of each projection's columns; the first one is the row's identity."""

NESTED = {
    kind: frozenset(column.name for column in fields(kind) if get_origin(column.type) in (list, dict)) for kind in KINDS
}
"""The columns of each projection that hold lists or objects."""

EXPIRING = tuple(kind for kind in KINDS if "expires_ns" in COLUMNS[kind])
"""The projections whose rows are deleted when their time is over."""

_values_of = {kind: attrgetter(*names) for kind, names in COLUMNS.items()}


_ADAPTERS: dict[type[Row], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in KINDS}


def from_stored(kind: type[R], stored: Mapping[str, Any]) -> R:
    """Return the row that a store keeps as these values by column; lists and objects may be JSON text there.

    Raises
    ------
    StorageError
        If it is none.
    """
    found = {name: stored[name] for name in COLUMNS[kind] if name in stored}
    for name in NESTED[kind]:
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    try:
        row: R = _ADAPTERS[kind].validate_python(found)
    except ValidationError as error:
        raise StorageError(f"{kind.table}: a row is not of this version: {error}") from error
    return row


def values(row: Row) -> tuple[Any, ...]:
    """Return a row's values in the order of its columns."""
    found: tuple[Any, ...] = _values_of[type(row)](row)
    return found


def in_pages(kind: type[R], read_page: Callable[[Any], Sequence[R]]) -> Iterator[R]:
    """Yield a projection's rows page by page, so that nothing stays open between them.

    Parameters
    ----------
    read_page
        Returns some of the rows whose identities are above one, in order; none at the end.
    """
    after: Any = "" if fields(kind)[0].type is str else -1
    while page := read_page(after):
        yield from page
        after = values(page[-1])[0]
