"""Each detector's beats in figures: how regularly they come, how late, how many did not. No clock, no store."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

import numpy as np

from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.tables import HeartbeatRow

DAY_NS: Nanoseconds = 24 * 3600 * NS_PER_S
"""What the figures are usually about, ns."""

OFFLINE_AFTER_NS: Nanoseconds = 600 * NS_PER_S
"""``HB_OFFLINE_AFTER`` unless it is set, ns."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One sign of life of a detector.

    Parameters
    ----------
    time_ns
        When the server received it, TAI ns.
    status
        What the detector said of itself: ON or OFF. An observation says ON.
    latency_ns
        How long it took from the machine that wrote it (if that is not known: from the client that sent it), ns; None
        if it does not say. Two clocks differ, so it may be below 0.
    is_heartbeat
        Whether it was a heartbeat: an observation tells that a detector is alive, and nothing of how regular it is.
    """

    time_ns: Nanoseconds
    status: str
    latency_ns: Nanoseconds | None
    is_heartbeat: bool = True


class DetectorStatus(StrEnum):
    """How a detector is doing, by its last beat."""

    ON = "ON"  # online: it takes data
    OFF = "OFF"  # it said that it does not
    SILENT = "silent"  # it said ON, and was not heard for HB_OFFLINE_AFTER
    UNHEARD = "unheard"  # nothing is kept of it


@dataclass(frozen=True, slots=True)
class DetectorBeats:
    """A detector's beats in figures.

    Parameters
    ----------
    detector_name
        Whose.
    status
        How it is doing now.
    last_ns
        When it was last heard, TAI ns; None if never.
    beats
        How many heartbeats there are; all figures that follow are of these.
    interval_mean_s, interval_sigma_s
        Mean and standard deviation (over n) of the times between two of them, s; None of fewer than two.
    latency_median_s
        Median of their latencies, s; None if they do not tell.
    missed
        How many did not come when they should have: see :func:`missed_beats`.
    """

    detector_name: str
    status: DetectorStatus
    last_ns: Nanoseconds | None
    beats: int
    interval_mean_s: float | None
    interval_sigma_s: float | None
    latency_median_s: float | None
    missed: int


def beats_of(rows: Iterable[HeartbeatRow], *, is_test: bool = False) -> dict[str, list[Beat]]:
    """Return each detector's beats in the order of the journal.

    Parameters
    ----------
    rows
        As :meth:`snews_cs.storage.protocol.StoreReader.rows` yields them.
    is_test
        Whether to look at the beats of tests, which tell nothing of real ones, nor real ones of them.
    """
    found: defaultdict[str, list[Beat]] = defaultdict(list)
    for row in sorted(rows, key=attrgetter("sequence")):
        if row.is_test == is_test:
            written_ns = row.sent_time_ns if row.machine_time_ns is None else row.machine_time_ns
            latency_ns = None if written_ns is None else row.received_ns - written_ns
            found[row.detector_name].append(Beat(row.received_ns, row.status, latency_ns, row.kind == "heartbeat"))
    return dict(found)


def summarise(
    name: str,
    beats: Sequence[Beat],
    now_ns: Nanoseconds,
    *,
    within_ns: Nanoseconds = DAY_NS,
    offline_after_ns: Nanoseconds = OFFLINE_AFTER_NS,
) -> DetectorBeats:
    """Return a detector's beats in figures.

    Parameters
    ----------
    name
        The detector.
    beats
        All that is known of it, in the order of the journal; none if it was not heard of.
    now_ns
        The time, TAI ns.
    within_ns
        The figures are of the heartbeats of so long a time before now, ns; status and last beat are of all beats.
    offline_after_ns
        ``HB_OFFLINE_AFTER``, ns.
    """
    heartbeats = [beat for beat in beats if beat.is_heartbeat and now_ns - beat.time_ns <= within_ns]
    intervals_s = intervals_between_s(heartbeats)
    latencies_s = [beat.latency_ns / NS_PER_S for beat in heartbeats if beat.latency_ns is not None]
    return DetectorBeats(
        detector_name=name,
        status=_status(beats, now_ns, offline_after_ns),
        last_ns=beats[-1].time_ns if beats else None,
        beats=len(heartbeats),
        interval_mean_s=float(np.mean(intervals_s)) if len(intervals_s) else None,
        interval_sigma_s=float(np.std(intervals_s)) if len(intervals_s) else None,
        latency_median_s=float(np.median(latencies_s)) if latencies_s else None,
        missed=missed_beats(heartbeats, now_ns),
    )


def intervals_between_s(beats: Sequence[Beat]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the times from each beat to the next, s, none below 0 whatever was done to the clock; shape (n - 1,)."""
    times_ns = np.array([beat.time_ns for beat in beats], dtype=np.int64)
    return np.maximum(np.diff(times_ns), 0) / NS_PER_S


def missed_beats(beats: Sequence[Beat], now_ns: Nanoseconds) -> int:
    """Return how many beats did not come when they should have, up to now.

    In the time between two beats, and since the last one, the median interval fits so many times, rounded: one less did
    not come. After it said OFF, a detector may be silent. What comes late and all at once, because the server was away
    for instance, was missed when it should have come.

    Parameters
    ----------
    beats
        Heartbeats of one detector; of fewer than three nothing is said, and 0 returned.
    now_ns
        The time, TAI ns.
    """
    intervals_s = intervals_between_s(beats)
    if len(intervals_s) < 2 or not (typical_s := float(np.median(intervals_s))):
        return 0
    was_on = np.array([beat.status == "ON" for beat in beats])
    between = np.rint(intervals_s[was_on[:-1]] / typical_s) - 1
    since_last = np.rint(max(0, now_ns - beats[-1].time_ns) / NS_PER_S / typical_s - 1) if was_on[-1] else 0
    return int(np.maximum(between, 0).sum() + max(0, since_last))


def _status(beats: Sequence[Beat], now_ns: Nanoseconds, offline_after_ns: Nanoseconds) -> DetectorStatus:
    if not beats:
        return DetectorStatus.UNHEARD
    last = beats[-1]
    if last.status != "ON":
        return DetectorStatus.OFF
    return DetectorStatus.ON if now_ns - last.time_ns < offline_after_ns else DetectorStatus.SILENT
