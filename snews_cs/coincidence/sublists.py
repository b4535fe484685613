"""Sublists: the maximal coincidence windows of SPEC section 3, and how they keep their numbers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from snews_cs.messages.types import Member, Nanoseconds


class Line(NamedTuple):
    """A live observation: the message that opened it and all that later refined or repeated it.

    Lines sort by present neutrino time, ties to the line opened first (``number`` counts up over all caches).

    Parameters
    ----------
    time_ns, p_value
        Present neutrino time and p-value: those of the message that last opened or refined the line.
    anchor_ns
        Neutrino time of the message that opened it; refinements are measured from here.
    message_uuid, received_ns
        Of the message that last opened or refined it.
    expires_ns
        When it leaves the cache.
    arrival
        Arrival number of the message that opened it.
    """

    time_ns: Nanoseconds
    number: int
    detector_name: str
    p_value: float | None
    anchor_ns: Nanoseconds
    message_uuid: str
    received_ns: Nanoseconds
    expires_ns: Nanoseconds
    arrival: int

    @property
    def line_id(self) -> int:
        """Its number, under the name that records and tables use."""
        return self.number

    @property
    def neutrino_time_ns(self) -> Nanoseconds:
        """Its time, under the name that records and tables use."""
        return self.time_ns


class Standing(NamedTuple):
    """The alert that stands for a sublist: the last published revision of its event.

    ``member_lines`` holds the number of each member's line, parallel to ``members``.
    """

    event_id: str
    revision: int
    alert_uuid: str
    members: tuple[Member, ...]
    member_lines: tuple[int, ...]


class Sublist(NamedTuple):
    """One maximal window: its lines in order (``time_ns`` is the first one's), and its standing alert."""

    time_ns: Nanoseconds
    number: int
    lines: tuple[Line, ...]
    standing: Standing | None

    @property
    def line_ids(self) -> tuple[int, ...]:
        """Numbers of the lines, in order of time."""
        return tuple(line.number for line in self.lines)

    @property
    def detector_names(self) -> set[str]:
        """The different detectors seen in it."""
        return {line.detector_name for line in self.lines}

    def member_lines(self) -> list[Line]:
        """Return each detector's earliest line, ordered by time, then detector name."""
        earliest: dict[str, Line] = {}
        for line in self.lines:
            earliest.setdefault(line.detector_name, line)
        return sorted(earliest.values(), key=lambda line: (line.time_ns, line.detector_name))


Window = tuple[Line, ...]


def maximal_windows(lines: Sequence[Line], threshold_ns: Nanoseconds) -> Iterator[Window]:
    """Yield the windows of ``lines`` (sorted) that are not contained in another one, in order of time.

    The window of a line is every line at most ``threshold_ns`` later. It is contained in the one before it exactly if
    it reaches no further, so one pass with two pointers finds the maximal ones.
    """
    reach = 0
    for first, line in enumerate(lines):
        end = max(reach, first)
        while end < len(lines) and lines[end].time_ns - line.time_ns <= threshold_ns:
            end += 1
        if end > reach:
            yield tuple(lines[first:end])
            reach = end


def number_windows(windows: Iterable[Window], old: Iterable[Sublist], next_number: int) -> tuple[list[Sublist], int]:
    """Give each window its number: an old sublist's, most shared lines first, or a fresh one.

    Ties go to the lowest old number, then to the earliest window; fresh numbers go in order of time. A sublist that
    keeps its number keeps its standing alert.

    Returns
    -------
    tuple
        The numbered sublists in order of time, and the next fresh number.
    """
    windows = list(windows)
    sublists = {sublist.number: sublist for sublist in old}
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for sublist in sublists.values():
        for line in sublist.lines:
            holders[line.number].append(sublist.number)
    pairs: list[tuple[int, int, int]] = []
    for index, window in enumerate(windows):
        shared: dict[int, int] = {}
        for line in window:
            for number in holders.get(line.number, ()):
                shared[number] = shared.get(number, 0) + 1
        pairs.extend((-count, number, index) for number, count in shared.items())
    kept: dict[int, Sublist] = {}
    taken: set[int] = set()
    for _, number, index in sorted(pairs):
        if number not in taken and index not in kept:
            taken.add(number)
            kept[index] = sublists[number]
    numbered = []
    for index, window in enumerate(windows):
        if index in kept:
            number, standing = kept[index].number, kept[index].standing
        else:
            number, standing = next_number, None
            next_number += 1
        numbered.append(Sublist(window[0].time_ns, number, window, standing))
    return numbered, next_number
