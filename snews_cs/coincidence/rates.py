"""How often a coincidence happens by accident (SPEC section 5)."""

import math
from collections.abc import Iterable, Mapping

from snews_cs.messages.types import Nanoseconds

YEAR_S = 365.25 * 86_400
WEEK_S = 7 * 86_400
DEFAULT_RATE_PER_WEEK = 1.0


def elementary_symmetric(values: Iterable[float], degree: int) -> float:
    """Return e_degree(values), the sum over all products of ``degree`` different values."""
    sums = [1.0] + [0.0] * degree
    for count, value in enumerate(values, start=1):
        for k in range(min(count, degree), 0, -1):
            sums[k] += value * sums[k - 1]
    return sums[degree]


def accidental_rate_per_year(rates_hz: Iterable[float], detectors: int, threshold_ns: Nanoseconds) -> float:
    """Return the expected rate of accidental coincidences of ``detectors`` different detectors, 1/year.

    R = r W^(r-1) e_r(f_1 .. f_n): one of the r detectors of a combination is the first, and each of the others must
    follow within W. For equal rates f this is r C(n, r) f^r W^(r-1).

    Parameters
    ----------
    rates_hz
        Background rate of each detector that is online, 1/s.
    detectors
        How many different detectors coincide (r).
    threshold_ns
        The coincidence threshold (W), ns.
    """
    window_s = threshold_ns / 10**9
    return detectors * window_s ** (detectors - 1) * elementary_symmetric(rates_hz, detectors) * YEAR_S


def false_alarm_probability(rate_per_year: float) -> float:
    """Return the probability of at least one accidental coincidence within a year, 1 - exp(-R * 1 year)."""
    return -math.expm1(-rate_per_year)


def background_rate_hz(
    detector_name: str, registry_per_week: Mapping[str, float], lines: int, expiration_ns: Nanoseconds
) -> float:
    """Return a detector's background rate, 1/s: the registry's, or what it shows itself if that is more.

    Parameters
    ----------
    lines
        Its live lines outside the sublist in question, seen during ``expiration_ns``.
    """
    registered_hz = registry_per_week.get(detector_name, DEFAULT_RATE_PER_WEEK) / WEEK_S
    return max(registered_hz, lines * 10**9 / expiration_ns)
