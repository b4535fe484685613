"""One cache of live observations: which lines there are, and which sublists they form."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush, nlargest
from typing import TYPE_CHECKING, Literal, NamedTuple

from snews_cs.coincidence.memory import Identity, Memory
from snews_cs.coincidence.noise import REMEMBERED, Alarm, is_noisy
from snews_cs.coincidence.sublists import Line, Sublist, maximal_windows, number_windows
from snews_cs.coincidence.timeindex import TimeIndex
from snews_cs.coincidence.types import CacheKey, LineRecord, SublistRecord
from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Nanoseconds, Observation

if TYPE_CHECKING:
    import pandas as pd


class Recut(NamedTuple):
    """The sublists around a change: as they stood, and as they now are, each in order of time."""

    before: list[Sublist]
    after: list[Sublist]


class Cache:
    """The live observations of one (``is_test``, ``is_pre_sn``).

    A change looks only at what lies within two coincidence windows of it, so it costs the same whatever else is
    cached. Every method that changes something leaves the inverse in the :class:`UndoLog` given.

    Parameters
    ----------
    key
        Which of the four caches this is.
    """

    def __init__(self, key: CacheKey) -> None:
        self.key = key
        self.memory = Memory()
        self.next_number = 0
        self._lines: TimeIndex[Line] = TimeIndex()
        self._sublists: TimeIndex[Sublist] = TimeIndex()
        self._lines_by_arrival: dict[str, dict[int, int]] = {}
        self._later_arrivals: dict[int, tuple[int, ...]] = {}
        self._line_counts: dict[str, int] = {}
        self._alarms: dict[str, tuple[Alarm, ...]] = {}
        self._expiries: list[tuple[Nanoseconds, int]] = []

    # What there is

    @property
    def size(self) -> int:
        """How many live observations there are."""
        return len(self._lines)

    def lines(self) -> list[LineRecord]:
        """Return the live observations by present neutrino time, then line id."""
        return [self.line_record(line) for line in sorted(self._lines)]

    def sublists(self) -> list[SublistRecord]:
        """Return the sublists by number."""
        return [self.sublist_record(sublist) for sublist in self._by_number()]

    @property
    def frame(self) -> "pd.DataFrame":
        """The cache as a table (:func:`snews_cs.coincidence.frame.cache_frame`)."""
        from snews_cs.coincidence.frame import cache_frame

        return cache_frame(self._lines, self._by_number())

    @property
    def line_counts(self) -> Mapping[str, int]:
        """How many live lines each detector has."""
        return self._line_counts

    @property
    def alarms(self) -> Mapping[str, tuple[Alarm, ...]]:
        """The latest lines that each detector opened, whatever became of them, in the order in which it did."""
        return self._alarms

    def noisy_detectors(self, now_ns: Nanoseconds, threshold_ns: Nanoseconds) -> set[str]:
        """Return the detectors with too many alarms now; those that are part of a standing alert do not count."""
        return {
            name
            for name, alarms in self._alarms.items()
            if is_noisy(alarms, self._standing_lines(alarms, threshold_ns), now_ns)
        }

    def line_record(self, line: Line) -> LineRecord:
        """Return what the journal keeps of a line."""
        return LineRecord(
            line_id=line.number,
            cache=self.key,
            detector_name=line.detector_name,
            neutrino_time_ns=line.time_ns,
            p_value=line.p_value,
            message_uuid=line.message_uuid,
            received_ns=line.received_ns,
            expires_ns=line.expires_ns,
        )

    def sublist_record(self, sublist: Sublist) -> SublistRecord:
        """Return what the journal keeps of a sublist."""
        standing = sublist.standing
        return SublistRecord(
            cache=self.key,
            number=sublist.number,
            line_ids=sublist.line_ids,
            event_id=standing.event_id if standing else None,
            revision=standing.revision if standing else 0,
        )

    def sublist(self, number: int) -> Sublist | None:
        """Return the sublist with that number, None if there is none."""
        return self._sublists.get(number)

    # Which lines a message means

    def equal_line(self, observation: Observation) -> Line | None:
        """Return the detector's live line with the same neutrino time and p-value (SPEC 3, rule 2)."""
        time_ns = observation.neutrino_time_ns
        for line in self._lines.between(time_ns, time_ns):
            if line.detector_name == observation.detector_name and line.p_value == observation.p_value:
                return line
        return None

    def refined_line(self, observation: Observation, window_ns: Nanoseconds) -> Line | None:
        """Return the detector's live line whose anchor is at most ``window_ns`` away: nearest, then earliest (rule 3).

        A line is never further than ``window_ns`` from its anchor, so it lies within twice that of the observation.
        """
        time_ns = observation.neutrino_time_ns
        near = [
            (abs(line.anchor_ns - time_ns), line.anchor_ns, line)
            for line in self._lines.between(time_ns - 2 * window_ns, time_ns + 2 * window_ns)
            if line.detector_name == observation.detector_name and abs(line.anchor_ns - time_ns) <= window_ns
        ]
        return min(near)[2] if near else None

    def lines_of_message(self, identity: Identity) -> list[Line]:
        """Return the live lines that a message with this identity belongs to."""
        return self._get_lines(self.memory.lines_of(identity))

    def latest_lines(self, detector_name: str, count: int | Literal["ALL"]) -> list[Line]:
        """Return the lines of the detector's ``count`` most recently received messages of live lines."""
        arrivals = self._lines_by_arrival.get(detector_name, {})
        latest = arrivals if count == "ALL" else nlargest(count, arrivals)
        return self._get_lines({arrivals[arrival] for arrival in latest})

    def next_expired(self, now_ns: Nanoseconds, log: UndoLog) -> Line | None:
        """Return the line whose time was over first (ties: opened first), None if none is over."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            expires_ns, number = heappop(self._expiries)
            log.inverse(heappush, self._expiries, (expires_ns, number))
            line = self._lines.get(number)
            if line is not None and line.expires_ns == expires_ns:
                return line
        return None

    def sublists_near(self, time_ns: Nanoseconds, threshold_ns: Nanoseconds) -> list[Sublist]:
        """Return the stored sublists that begin no later, but not too early to hold an observation of that time."""
        return self._sublists.between(time_ns - threshold_ns, time_ns)

    # Changes of lines

    def open_line(self, line: Line, log: UndoLog) -> None:
        """Add a line: an alarm of its detector."""
        earlier = self._alarms.get(line.detector_name, ())
        alarm = Alarm(line.received_ns, line.number)
        log.put(self._alarms, line.detector_name, (*earlier[1 - REMEMBERED :], alarm))
        self._add_line(line, log)

    def _add_line(self, line: Line, log: UndoLog) -> None:
        self._lines.put(line, log)
        log.put(self._line_counts, line.detector_name, self._line_counts.get(line.detector_name, 0) + 1)
        log.put(self._lines_by_arrival.setdefault(line.detector_name, {}), line.arrival, line.number)
        heappush(self._expiries, (line.expires_ns, line.number))

    def move_line(self, line: Line, arrival: int, log: UndoLog) -> None:
        """Let a live line be as refined by the message of that arrival number."""
        self._lines.put(line, log)
        self.join_line(line, arrival, log)
        heappush(self._expiries, (line.expires_ns, line.number))

    def join_line(self, line: Line, arrival: int, log: UndoLog) -> None:
        """Let the message of that arrival number belong to a live line, which stays as it is."""
        log.put(self._lines_by_arrival[line.detector_name], arrival, line.number)
        log.put(self._later_arrivals, line.number, (*self._later_arrivals.get(line.number, ()), arrival))

    def drop_line(self, line: Line, log: UndoLog) -> None:
        """Remove a line, and forget which messages belong to it."""
        self._lines.discard(line.number, log)
        log.put(self._line_counts, line.detector_name, self._line_counts[line.detector_name] - 1)
        arrivals = self._lines_by_arrival[line.detector_name]
        log.drop(arrivals, line.arrival)
        if line.number in self._later_arrivals:
            for arrival in log.drop(self._later_arrivals, line.number):
                log.drop(arrivals, arrival)

    def forget(self, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Let the memory drop what is too old to matter."""
        self.memory.forget(now_ns, self._lines, log)

    def clear(self, log: UndoLog) -> None:
        """Forget every line, sublist and message; numbers go on."""
        empty = Cache(self.key)
        for name, value in vars(empty).items():
            if name not in {"key", "next_number"}:
                log.assign(self, name, value)

    # Changes of sublists

    def recut(self, changed_ns: Iterable[Nanoseconds], threshold_ns: Nanoseconds, log: UndoLog) -> Recut:
        """Cut the windows anew around the times at which lines came, went or moved.

        Only windows that begin at most one threshold before or after a changed time can differ: those that begin
        earlier do not reach it, and those that begin later contain nothing that changed and nothing that swallows
        them. The result is not stored yet (:meth:`store`).
        """
        before: list[Sublist] = []
        windows = []
        for first_ns, last_ns in _spans(changed_ns, threshold_ns):
            before += self._sublists.between(first_ns, last_ns)
            near = self._lines.between(first_ns - threshold_ns, last_ns + threshold_ns)
            windows += [each for each in maximal_windows(near, threshold_ns) if first_ns <= each[0].time_ns <= last_ns]
        after, next_number = number_windows(windows, before, self.next_number)
        if next_number != self.next_number:
            log.assign(self, "next_number", next_number)
        return Recut(before, after)

    def store(self, recut: Recut, log: UndoLog) -> list[int]:
        """Let the sublists be as cut; return the numbers of those that differ now, in order of the cut."""
        kept = {sublist.number for sublist in recut.after}
        changed = [sublist.number for sublist in recut.before if sublist.number not in kept]
        for number in changed:
            self._sublists.discard(number, log)
        for sublist in recut.after:
            if self._sublists.get(sublist.number) != sublist:
                self._sublists.put(sublist, log)
                changed.append(sublist.number)
        return changed

    # Keeping

    def live_lines(self) -> Iterator[Line]:
        """Yield the lines in no particular order."""
        return iter(self._lines)

    def live_sublists(self) -> Iterator[Sublist]:
        """Yield the sublists in no particular order."""
        return iter(self._sublists)

    def line(self, number: int) -> Line:
        """Return the live line with that number.

        Raises
        ------
        KeyError
            If there is none.
        """
        return self._lines[number]

    def later_arrivals(self, line: Line) -> tuple[int, ...]:
        """Return the arrival numbers of the messages that belong to a live line besides the one that opened it."""
        return self._later_arrivals.get(line.number, ())

    def restore_line(self, line: Line, later_arrivals: Iterable[int]) -> None:
        """Put a line of a snapshot in its place."""
        log = UndoLog()
        self._add_line(line, log)
        for arrival in later_arrivals:
            self.join_line(line, arrival, log)

    def restore_sublist(self, sublist: Sublist) -> None:
        """Put a sublist of a snapshot in its place."""
        self._sublists.put(sublist, UndoLog())

    def restore_alarms(self, detector_name: str, alarms: Iterable[Alarm]) -> None:
        """Remember the alarms of a snapshot."""
        self._alarms[detector_name] = tuple(alarms)

    def _standing_lines(self, alarms: Iterable[Alarm], threshold_ns: Nanoseconds) -> set[int]:
        """Return those of these lines that are in a sublist with a standing alert."""
        lines = self._get_lines(alarm.line_number for alarm in alarms)
        return {
            line.number
            for line in lines
            for sublist in self.sublists_near(line.time_ns, threshold_ns)
            if sublist.standing is not None and line.number in sublist.line_ids
        }

    def _by_number(self) -> list[Sublist]:
        return sorted(self._sublists, key=lambda sublist: sublist.number)

    def _get_lines(self, numbers: Iterable[int]) -> list[Line]:
        return [line for number in sorted(numbers) if (line := self._lines.get(number)) is not None]


def _spans(changed_ns: Iterable[Nanoseconds], margin_ns: Nanoseconds) -> list[tuple[Nanoseconds, Nanoseconds]]:
    """Widen each time by the margin on both sides and merge what overlaps, in order."""
    spans: list[tuple[Nanoseconds, Nanoseconds]] = []
    for time_ns in sorted(changed_ns):
        first_ns, last_ns = time_ns - margin_ns, time_ns + margin_ns
        if spans and first_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], last_ns)
        else:
            spans.append((first_ns, last_ns))
    return spans
