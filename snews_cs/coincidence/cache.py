"""One cache of live observations: its lines, and which sublists they form."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from snews_cs.coincidence.lines import Lines
from snews_cs.coincidence.memory import Identity, Memory
from snews_cs.coincidence.noise import Alarm, is_noisy
from snews_cs.coincidence.sublists import Line, Sublist, maximal_windows, number_windows
from snews_cs.coincidence.timeindex import TimeIndex
from snews_cs.coincidence.types import CacheKey, LineRecord, SublistRecord
from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Nanoseconds

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

    Attributes
    ----------
    live
        The lines.
    memory
        What is known of messages beyond their lines.
    next_number
        Of the next new sublist.
    """

    def __init__(self, key: CacheKey) -> None:
        self.key = key
        self.live = Lines()
        self.memory = Memory()
        self.next_number = 0
        self._sublists: TimeIndex[Sublist] = TimeIndex()

    # What there is

    def lines(self) -> list[LineRecord]:
        """Return the live observations by present neutrino time, then line id."""
        return [self.line_record(line) for line in sorted(self.live)]

    def sublists(self) -> list[SublistRecord]:
        """Return the sublists by number."""
        return [self.sublist_record(sublist) for sublist in self._by_number()]

    @property
    def frame(self) -> "pd.DataFrame":
        """The cache as a table (:func:`snews_cs.coincidence.frame.cache_frame`)."""
        from snews_cs.coincidence.frame import cache_frame

        return cache_frame(self.live, self._by_number())

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

    def live_sublists(self) -> Iterator[Sublist]:
        """Yield the sublists in no particular order."""
        return iter(self._sublists)

    def sublists_near(self, time_ns: Nanoseconds, threshold_ns: Nanoseconds) -> list[Sublist]:
        """Return the stored sublists that begin no later, but not too early to hold an observation of that time."""
        return self._sublists.between(time_ns - threshold_ns, time_ns)

    def lines_of_message(self, identity: Identity) -> list[Line]:
        """Return the live lines that a message with this identity belongs to."""
        return self.live.among(self.memory.lines_of(identity))

    def noisy_detectors(self, now_ns: Nanoseconds, threshold_ns: Nanoseconds) -> set[str]:
        """Return the detectors with too many alarms now; those that are part of a standing alert do not count."""
        return {
            name
            for name, alarms in self.live.alarms.items()
            if is_noisy(alarms, self._standing_lines(alarms, threshold_ns), now_ns)
        }

    # Changes

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
            near = self.live.between(first_ns - threshold_ns, last_ns + threshold_ns)
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

    def forget(self, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Let the memory drop what is too old to matter."""
        self.memory.forget(now_ns, self.live, log)

    def clear(self, log: UndoLog) -> None:
        """Forget every line, sublist and message; numbers go on."""
        empty = Cache(self.key)
        for name, value in vars(empty).items():
            if name not in {"key", "next_number"}:
                log.assign(self, name, value)

    def restore_sublist(self, sublist: Sublist) -> None:
        """Put a sublist of a snapshot in its place."""
        self._sublists.put(sublist, UndoLog())

    def _standing_lines(self, alarms: Iterable[Alarm], threshold_ns: Nanoseconds) -> set[int]:
        """Return those of these lines that are in a sublist with a standing alert."""
        return {
            line.number
            for line in self.live.among(alarm.line_number for alarm in alarms)
            for sublist in self.sublists_near(line.time_ns, threshold_ns)
            if sublist.standing is not None and line.number in sublist.line_ids
        }

    def _by_number(self) -> list[Sublist]:
        return sorted(self._sublists, key=lambda sublist: sublist.number)


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
