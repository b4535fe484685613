"""SPEC's words: what a cache holds, and one function each for windows, numbers, members, mergers, false alarms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import prod
from typing import NamedTuple
from uuid import NAMESPACE_OID, uuid5

from snews_cs.coincidence.types import CacheKey, LineRecord, SublistRecord
from snews_cs.messages.types import Observation

YEAR_IN_SECONDS = 365.25 * 86_400

Window = frozenset[int]
"""The ids of the lines in one window."""


@dataclass(frozen=True)
class Line:
    """A live observation: the message that opened it, and what later refined or repeated it."""

    line_id: int
    detector_name: str
    anchor_ns: int
    time_ns: int
    p_value: float | None
    message_uuid: str
    received_ns: int
    expires_ns: int
    messages: tuple[tuple[int, str], ...]
    """(order of arrival, uuid) of every message that opened, refined or repeated it."""


class Said(NamedTuple):
    """What makes two messages of one cache the same message (rule 1)."""

    detector_name: str
    message_uuid: str
    neutrino_time_ns: int
    p_value: float | None


@dataclass(frozen=True)
class Event:
    """A standing alert, as its last published revision says."""

    event_id: str
    revision: int
    alert_uuid: str
    members: tuple[Line, ...]


class Alarm(NamedTuple):
    """A line that was opened."""

    detector_name: str
    line_id: int
    received_ns: int


@dataclass
class OracleCache:
    """One of the four caches."""

    key: CacheKey
    live: dict[int, Line] = field(default_factory=dict)
    windows: dict[int, Window] = field(default_factory=dict)
    standing: dict[int, Event] = field(default_factory=dict)
    next_number: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    accepted: dict[Said, int] = field(default_factory=dict)
    accepted_uuids: set[tuple[str, str]] = field(default_factory=set)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)

    def copy(self) -> "OracleCache":
        """Return another cache in the same state (all that is inside its containers is immutable)."""
        return replace(
            self,
            live=dict(self.live),
            windows=dict(self.windows),
            standing=dict(self.standing),
            alarms=list(self.alarms),
            accepted=dict(self.accepted),
            accepted_uuids=set(self.accepted_uuids),
            waiting=dict(self.waiting),
        )

    def lines(self) -> list[LineRecord]:
        """Every live line, by time, then line id."""
        return [
            LineRecord(
                line_id=line.line_id,
                cache=self.key,
                detector_name=line.detector_name,
                neutrino_time_ns=line.time_ns,
                p_value=line.p_value,
                message_uuid=line.message_uuid,
                received_ns=line.received_ns,
                expires_ns=line.expires_ns,
            )
            for line in in_order(self.live.values())
        ]

    def sublists(self) -> list[SublistRecord]:
        """Every sublist, by number."""
        return [
            SublistRecord(
                cache=self.key,
                number=number,
                line_ids=tuple(line.line_id for line in in_order(self.live[line_id] for line_id in window)),
                event_id=self.standing[number].event_id if number in self.standing else None,
                revision=self.standing[number].revision if number in self.standing else 0,
            )
            for number, window in sorted(self.windows.items())
        ]


Lines = Mapping[int, Line]
Sublists = Mapping[int, Window]


def in_order(lines: Iterable[Line]) -> list[Line]:
    """By time; ties between observations go to the line opened first."""
    return sorted(lines, key=lambda line: (line.time_ns, line.line_id))


def maximal_windows(live: Lines, threshold_ns: int) -> list[Window]:
    """SPEC 3: the windows not properly contained in another one; equal windows count once."""
    windows = {
        frozenset(b.line_id for b in live.values() if 0 <= b.time_ns - a.time_ns <= threshold_ns) for a in live.values()
    }
    return [window for window in windows if not any(window < other for other in windows)]


def renumber(windows: Iterable[Window], old: Sublists, live: Lines, next_number: int) -> Sublists:
    """SPEC 3, numbers: most shared observations first, then lowest old number, then earliest initial time."""

    def initial_time(window: Window) -> int:
        return min(live[line_id].time_ns for line_id in window)

    windows = sorted(windows, key=initial_time)
    pairs = [(window, number) for window in windows for number in old if window & old[number]]
    pairs.sort(key=lambda pair: (-len(pair[0] & old[pair[1]]), pair[1], initial_time(pair[0])))
    numbers: dict[int, Window] = {}
    for window, number in pairs:
        if number not in numbers and window not in numbers.values():
            numbers[number] = window
    for window in windows:
        if window not in numbers.values():
            numbers[next_number] = window
            next_number += 1
    return numbers


def detectors(window: Iterable[int], live: Lines) -> set[str]:
    """Return the different detectors of a sublist."""
    return {live[line_id].detector_name for line_id in window}


def members(window: Iterable[int], live: Lines) -> tuple[Line, ...]:
    """SPEC 4: for each different detector its earliest observation; ordered by time, then name."""
    earliest: dict[str, Line] = {}
    for line in in_order(live[line_id] for line_id in window):
        earliest.setdefault(line.detector_name, line)
    return tuple(sorted(earliest.values(), key=lambda line: (line.time_ns, line.detector_name)))


def as_compared(lines: Iterable[Line]) -> list[tuple[str, int, float | None]]:
    """Return what of its members makes an alert worth an UPDATE when it changes."""
    return [(line.detector_name, line.time_ns, line.p_value) for line in lines]


def heir(window: Window, had: set[str], others: Sublists, now: Lines) -> int | None:
    """Return the number of the sublist that an ended event is merged into, None if there is none.

    It still holds an observation of the ended sublist ``window``, and observations of at least two of the detectors
    that one ``had``; most detectors first, then the lowest number.
    """
    common = {number: len(detectors(other, now) & had) for number, other in others.items() if other & window}
    candidates = [(-shared, number) for number, shared in common.items() if shared >= 2]
    return min(candidates)[1] if candidates else None


def accidental_rate_per_year(multiplicity: int, rates_hz: Sequence[float], window_s: float) -> float:
    """SPEC 5: r W^(r-1) e_r(f_1..f_n), the elementary symmetric polynomial term by term."""
    symmetric_polynomial = sum(prod(chosen) for chosen in combinations(rates_hz, multiplicity))
    return multiplicity * window_s ** (multiplicity - 1) * symmetric_polynomial * YEAR_IN_SECONDS


def is_noisy(alarms: Iterable[Alarm], now_ns: int) -> bool:
    """SNEWS 1.0: fewer than 1, 2, 2, 3, 4, 5, 11 alarms in 10 min, 1 h, 10 h, 1 d, 3 d, 1 week, 1 month are allowed."""
    ages_ns = [now_ns - alarm.received_ns for alarm in alarms]
    day = 24 * 60
    allowed = {10: 1, 60: 2, 600: 2, day: 3, 3 * day: 4, 7 * day: 5, 30 * day: 11}
    return not all(
        sum(age_ns <= minutes * 60 * 10**9 for age_ns in ages_ns) < fewer for minutes, fewer in allowed.items()
    )


def distance(line: Line, message: Observation) -> int:
    """How far a message is from a line's anchor, ns."""
    return abs(message.neutrino_time_ns - line.anchor_ns)


def made_of(*parts: object) -> str:
    """Return an identifier that is equal only for equal parts."""
    return str(uuid5(NAMESPACE_OID, repr(parts)))
