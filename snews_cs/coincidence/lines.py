"""The live lines of one cache: which there are, and which of them a message means."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush, nlargest
from typing import Literal

from snews_cs.coincidence.noise import REMEMBERED, Alarm
from snews_cs.coincidence.sublists import Line
from snews_cs.coincidence.timeindex import TimeIndex
from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Nanoseconds, Observation


class Lines:
    """The live lines, and which messages belong to them.

    Every method that changes something leaves the inverse in the :class:`UndoLog` given.
    """

    def __init__(self) -> None:
        self._index: TimeIndex[Line] = TimeIndex()
        self._by_arrival: dict[str, dict[int, int]] = {}
        self._later_arrivals: dict[int, tuple[int, ...]] = {}
        self._counts: dict[str, int] = {}
        self._alarms: dict[str, tuple[Alarm, ...]] = {}
        self._expiries: list[tuple[Nanoseconds, int]] = []

    # Which there are

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[Line]:
        """Yield them in no particular order."""
        return iter(self._index)

    def __contains__(self, number: object) -> bool:
        """Whether there is one with that number."""
        return number in self._index

    def __getitem__(self, number: int) -> Line:
        """Return the one with that number."""
        return self._index[number]

    def among(self, numbers: Iterable[int]) -> list[Line]:
        """Return those with these numbers, in order of number; the others are no longer live."""
        return [line for number in sorted(numbers) if (line := self._index.get(number)) is not None]

    def between(self, first_ns: Nanoseconds, last_ns: Nanoseconds) -> list[Line]:
        """Return those with ``first_ns <= time_ns <= last_ns``, by time, then number."""
        return self._index.between(first_ns, last_ns)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many each detector has."""
        return self._counts

    @property
    def alarms(self) -> Mapping[str, tuple[Alarm, ...]]:
        """The latest lines that each detector opened, whatever became of them, in the order in which it did."""
        return self._alarms

    def later_arrivals(self, line: Line) -> tuple[int, ...]:
        """Return the arrival numbers of the messages that belong to a line besides the one that opened it."""
        return self._later_arrivals.get(line.number, ())

    # Which of them is meant

    def equal_to(self, observation: Observation) -> Line | None:
        """Return the detector's line with the same neutrino time and p-value (SPEC 3, rule 2)."""
        time_ns = observation.neutrino_time_ns
        for line in self._index.between(time_ns, time_ns):
            if line.detector_name == observation.detector_name and line.p_value == observation.p_value:
                return line
        return None

    def refined_by(self, observation: Observation, window_ns: Nanoseconds) -> Line | None:
        """Return the detector's line whose anchor is at most ``window_ns`` away: nearest, then earliest (rule 3).

        A line is never further than ``window_ns`` from its anchor, so it lies within twice that of the observation.
        """
        time_ns = observation.neutrino_time_ns
        near = [
            (abs(line.anchor_ns - time_ns), line.anchor_ns, line)
            for line in self._index.between(time_ns - 2 * window_ns, time_ns + 2 * window_ns)
            if line.detector_name == observation.detector_name and abs(line.anchor_ns - time_ns) <= window_ns
        ]
        return min(near)[2] if near else None

    def latest_of(self, detector_name: str, count: int | Literal["ALL"]) -> list[Line]:
        """Return the lines of the detector's ``count`` most recently received messages of live lines."""
        arrivals = self._by_arrival.get(detector_name, {})
        latest = arrivals if count == "ALL" else nlargest(count, arrivals)
        return self.among({arrivals[arrival] for arrival in latest})

    def next_expired(self, now_ns: Nanoseconds, log: UndoLog) -> Line | None:
        """Return the line whose time was over first (ties: opened first), None if none is over."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            expires_ns, number = heappop(self._expiries)
            log.inverse(heappush, self._expiries, (expires_ns, number))
            line = self._index.get(number)
            if line is not None and line.expires_ns == expires_ns:
                return line
        return None

    # Changes

    def open(self, line: Line, log: UndoLog) -> None:
        """Add a line: an alarm of its detector."""
        earlier = self._alarms.get(line.detector_name, ())
        alarm = Alarm(line.received_ns, line.number)
        log.put(self._alarms, line.detector_name, (*earlier[1 - REMEMBERED :], alarm))
        self._add(line, log)

    def move(self, line: Line, arrival: int, log: UndoLog) -> None:
        """Let a line be as refined by the message of that arrival number."""
        self._index.put(line, log)
        self.join(line, arrival, log)
        heappush(self._expiries, (line.expires_ns, line.number))

    def join(self, line: Line, arrival: int, log: UndoLog) -> None:
        """Let the message of that arrival number belong to a line, which stays as it is."""
        log.put(self._by_arrival[line.detector_name], arrival, line.number)
        log.put(self._later_arrivals, line.number, (*self._later_arrivals.get(line.number, ()), arrival))

    def drop(self, line: Line, log: UndoLog) -> None:
        """Remove a line, and forget which messages belong to it."""
        self._index.discard(line.number, log)
        log.put(self._counts, line.detector_name, self._counts[line.detector_name] - 1)
        arrivals = self._by_arrival[line.detector_name]
        log.drop(arrivals, line.arrival)
        if line.number in self._later_arrivals:
            for arrival in log.drop(self._later_arrivals, line.number):
                log.drop(arrivals, arrival)

    def _add(self, line: Line, log: UndoLog) -> None:
        self._index.put(line, log)
        log.put(self._counts, line.detector_name, self._counts.get(line.detector_name, 0) + 1)
        log.put(self._by_arrival.setdefault(line.detector_name, {}), line.arrival, line.number)
        heappush(self._expiries, (line.expires_ns, line.number))

    # Keeping

    def restore(self, line: Line, later_arrivals: Iterable[int]) -> None:
        """Put a line of a snapshot in its place."""
        log = UndoLog()
        self._add(line, log)
        for arrival in later_arrivals:
            self.join(line, arrival, log)

    def restore_alarms(self, detector_name: str, alarms: Iterable[Alarm]) -> None:
        """Remember the alarms of a snapshot."""
        self._alarms[detector_name] = tuple(alarms)
