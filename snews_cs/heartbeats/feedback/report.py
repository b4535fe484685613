"""What is said of a detector: its beats of the day before a moment, and the figures of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from snews_cs.heartbeats.statistics import DAY_NS, Beat, DetectorBeats, DetectorStatus, summarise
from snews_cs.messages.types import Nanoseconds

SILENT = str(DetectorStatus.SILENT)
"""What a detector counts as that was not heard for long."""


class Spell(NamedTuple):
    """What a detector counted as (ON, OFF or silent), from when and until when, TAI ns."""

    status: str
    start_ns: Nanoseconds
    end_ns: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a detector's beats were in the 24 hours before a moment.

    Parameters
    ----------
    detector_name
        Whose.
    until_ns
        The moment, TAI ns.
    beats
        Its beats of those 24 hours, in order.
    before
        The last one before them, None if none is known.
    figures
        Of them, at that moment.
    offline_after_ns
        After what silence a detector counts as offline (``HB_OFFLINE_AFTER``), ns.
    """

    detector_name: str
    until_ns: Nanoseconds
    beats: tuple[Beat, ...]
    before: Beat | None
    figures: DetectorBeats
    offline_after_ns: Nanoseconds

    @property
    def since_ns(self) -> Nanoseconds:
        """When the 24 hours began, TAI ns."""
        return self.until_ns - DAY_NS

    @property
    def heard_since_ns(self) -> Nanoseconds:
        """Since when it is heard, TAI ns; since the 24 hours began, if it was heard before, or not at all."""
        return self.since_ns if self.before or not self.beats else self.beats[0].time_ns

    @property
    def heartbeats(self) -> list[Beat]:
        """The beats that are heartbeats."""
        return [beat for beat in self.beats if beat.is_heartbeat]

    def spells(self) -> Iterator[Spell]:
        """Yield what the detector counted as since it is known of, without gaps."""
        steps: list[tuple[str, Nanoseconds]] = [(SILENT, self.heard_since_ns)]
        beats = [*([self.before] if self.before else []), *self.beats]
        ends_ns = [*(beat.time_ns for beat in beats[1:]), self.until_ns]
        for beat, end_ns in zip(beats, ends_ns, strict=False):
            steps.append((beat.status, max(beat.time_ns, self.since_ns)))
            silent_ns = max(beat.time_ns + self.offline_after_ns, self.since_ns)
            if beat.status == "ON" and end_ns > silent_ns:
                steps.append((SILENT, silent_ns))
        starts = [next(same) for _, same in groupby(steps, key=itemgetter(0))]
        ends_ns = [*(start_ns for _, start_ns in starts[1:]), self.until_ns]
        for (status, start_ns), end_ns in zip(starts, ends_ns, strict=True):
            if end_ns > start_ns:
                yield Spell(status, start_ns, end_ns)


def report_on(name: str, beats: Sequence[Beat], until_ns: Nanoseconds, *, offline_after_ns: Nanoseconds) -> Report:
    """Report on a detector.

    Parameters
    ----------
    name
        The detector.
    beats
        All that is known of it, in the order of the journal.
    until_ns
        The moment, TAI ns; what came later is passed over.
    offline_after_ns
        ``HB_OFFLINE_AFTER``, ns.
    """
    since_ns = until_ns - DAY_NS
    known = [beat for beat in beats if beat.time_ns <= until_ns]
    return Report(
        detector_name=name,
        until_ns=until_ns,
        beats=tuple(beat for beat in known if beat.time_ns >= since_ns),
        before=next((beat for beat in reversed(known) if beat.time_ns < since_ns), None),
        figures=summarise(name, known, until_ns, offline_after_ns=offline_after_ns),
        offline_after_ns=offline_after_ns,
    )
