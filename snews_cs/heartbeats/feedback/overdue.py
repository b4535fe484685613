"""When a heartbeat is overdue."""

from snews_cs.heartbeats.statistics import DetectorBeats, DetectorStatus
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Nanoseconds

LEAST_BEATS = 5
"""Of fewer heartbeats in a day nobody can say when the next one is due."""

SIGMAS = 3.0
"""How many standard deviations beyond the mean interval a heartbeat may be late."""


def longest_silence_s(figures: DetectorBeats) -> float | None:
    """Return how long a detector may be silent before its next heartbeat is overdue, s.

    It is the mean of the intervals and three standard deviations; None if there are too few heartbeats to say.
    """
    mean_s, sigma_s = figures.interval_mean_s, figures.interval_sigma_s
    if figures.beats < LEAST_BEATS or mean_s is None or sigma_s is None:
        return None
    return mean_s + SIGMAS * sigma_s


def overdue_after_ns(figures: DetectorBeats) -> Nanoseconds | None:
    """Return after what time a detector's next heartbeat is overdue, TAI ns.

    None if nobody can say, or if it said OFF: then none is expected.
    """
    longest_s = longest_silence_s(figures)
    if longest_s is None or figures.last_ns is None or figures.status == DetectorStatus.OFF:
        return None
    return figures.last_ns + round(longest_s * NS_PER_S)


def is_overdue(figures: DetectorBeats, now_ns: Nanoseconds) -> bool:
    """Return whether a heartbeat should have come by now. Of a detector that said OFF, none is expected.

    Parameters
    ----------
    figures
        Of the detector's beats in the 24 hours before now.
    now_ns
        The time, TAI ns.
    """
    after_ns = overdue_after_ns(figures)
    return after_ns is not None and now_ns > after_ns
