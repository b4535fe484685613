"""What the engine says: alerts, and what changed in its caches. Plain frozen values, fit for the journal."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from snews_cs.messages.types import Member, Nanoseconds


class CacheKey(NamedTuple):
    """Which of the four caches: nothing crosses between them."""

    is_test: bool
    is_pre_sn: bool


class AlertType(StrEnum):
    """The kinds of alert of SPEC section 4."""

    INITIAL = "INITIAL"
    UPDATE = "UPDATE"
    RETRACTION = "RETRACTION"


class Disposition(StrEnum):
    """What became of one message in the engine."""

    OPENED = "opened"  # an observation that opened a line of its own
    REFINED = "refined"  # an observation that moved a live line of its detector
    REPEATED = "repeated"  # equal to a live observation: joined its line
    DUPLICATE = "duplicate"  # the very message was accepted before: no effect
    RETRACTED_BEFORE = "retracted before"  # its retraction came first: no effect
    EXPIRED = "expired"  # its time was over when it came: not cached
    WITHDREW = "withdrew"  # a retraction that took lines out
    AWAITING = "awaiting"  # a retraction that waits for its message
    NO_TARGET = "no target"  # a retraction whose target is no longer there
    RESET = "reset"  # caches were emptied
    RECONCILED = "reconciled"  # readers of alerts sent without the journal were put right
    NOTED = "noted"  # heartbeats, parameters, and what does not touch the caches


class Beat(NamedTuple):
    """The last sign of life of a detector: a heartbeat, ON or OFF, or an observation, which says ON; when received."""

    detector_name: str
    is_test: bool
    status: str
    received_ns: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as decided. SPEC section 4 gives each field's meaning; ``event_key`` rules are in ``alerts.py``.

    ``false_alarm_rate_per_year`` is in 1/year; ``noisy_detector_names`` are the members with too many alarms of late
    (:mod:`snews_cs.coincidence.noise`); ``sent_time_ns`` is the received time of the message that made the
    alert, one ns later for each further alert of the same message, so that no two share an ``_id``.
    """

    alert_type: AlertType
    cache: CacheKey
    sub_list_number: int
    event_id: str
    revision: int
    supersedes: str | None
    alert_uuid: str
    members: tuple[Member, ...]
    retracted_detector_names: tuple[str, ...]
    merged_event_ids: tuple[str, ...]
    false_alarm_rate_per_year: float
    detectors_online: tuple[str, ...]
    noisy_detector_names: tuple[str, ...] = ()
    sent_time_ns: Nanoseconds

    @property
    def published_type(self) -> str:
        """What its readers are told that it is: ``INITIAL``, of tests ``TEST INITIAL``."""
        return f"TEST {self.alert_type}" if self.cache.is_test else str(self.alert_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """One live observation ("line") as it now stands.

    ``line_id`` counts up over all caches; ``message_uuid`` is that of the message that last opened or refined it;
    ``received_ns`` when that message was received; ``expires_ns`` when the line leaves the cache.
    """

    line_id: int
    cache: CacheKey
    detector_name: str
    neutrino_time_ns: Nanoseconds
    p_value: float | None
    message_uuid: str
    received_ns: Nanoseconds
    expires_ns: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SublistRecord:
    """One sublist as it now stands: its lines in order of time, and its standing alert if there is one."""

    cache: CacheKey
    number: int
    line_ids: tuple[int, ...]
    event_id: str | None
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that one message changed.

    Parameters
    ----------
    disposition
        What became of the message.
    alerts
        To publish, in this order.
    lines, lines_gone
        Lines opened or moved, as they now stand; ids of lines withdrawn, expired or reset.
    sublists, sublists_gone
        Sublists that are new, changed, or hold a line that moved; (cache, number) of those that are no more.
    """

    disposition: Disposition
    alerts: tuple[Alert, ...] = ()
    lines: tuple[LineRecord, ...] = ()
    lines_gone: tuple[int, ...] = ()
    sublists: tuple[SublistRecord, ...] = ()
    sublists_gone: tuple[tuple[CacheKey, int], ...] = ()
