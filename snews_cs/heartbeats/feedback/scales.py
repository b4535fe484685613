"""Axes that a person reads: UTC along the bottom; upwards lengths of time, in the unit that fits."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, log10

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, HourLocator, num2date
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from snews_cs.heartbeats.feedback.durations import UNITS, in_words, plain_number, unit_of
from snews_cs.messages.times import NS_PER_S, posix_from_tai
from snews_cs.messages.types import Nanoseconds

Seconds = npt.NDArray[np.float64]
"""Lengths of time, s, shape (n,)."""

WIDE = 8.0
"""Lengths of time are shown in decades if the longest is so many times their median."""

_ROUND_S = (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 6 * 3_600.0, 86_400.0, 10 * 86_400.0, 365 * 86_400.0)
_FINER_S = tuple(
    sorted((*_ROUND_S, 2e-3, 5e-3, 0.02, 0.05, 0.2, 0.5, 2.0, 5.0, 20.0, 30.0, 120.0, 300.0, 1_800.0, 10_800.0))
)
_TICKS = 5
_HALF_A_DAY_NS = 12 * 3_600 * NS_PER_S


def utc(time_ns: Nanoseconds) -> datetime:
    """Return a time as matplotlib takes it."""
    return datetime.fromtimestamp(posix_from_tai(time_ns) / 10**9, UTC)


def show_utc(axes: Axes, start_ns: Nanoseconds, end_ns: Nanoseconds) -> None:
    """Let an axis show the UTC of a day or less, and where a day begins its date."""
    axes.set_xlim(utc(start_ns), utc(end_ns))  # type: ignore[arg-type]  # matplotlib converts what is a time
    if end_ns - start_ns > _HALF_A_DAY_NS:
        axes.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, 3), tz=UTC))  # type: ignore[no-untyped-call]
        axes.xaxis.set_minor_locator(HourLocator(tz=UTC))  # type: ignore[no-untyped-call]
    else:
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=4, maxticks=8, tz=UTC))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda days, _: _hour(days)))


def _hour(days: float) -> str:
    """Return the hour that is written at a time (days since 1970), and at midnight the date."""
    at: datetime = num2date(days)  # type: ignore[no-untyped-call]
    hour = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    return hour if at.hour or at.minute or at.second else f"{hour}\n{at:%-d %b}"


def show_lengths(axes: Axes, drawn: Seconds, *, reach: tuple[float, ...] = ()) -> None:
    """Let an axis show lengths of time: in decades if they differ by much, else evenly.

    Parameters
    ----------
    axes
        Gets limits, ticks and labels.
    drawn
        What is drawn there, s.
    reach
        What should be seen besides, s, where lengths are shown evenly.
    """
    sizes = np.abs(drawn[drawn != 0])
    if sizes.size and sizes.max() > WIDE * np.median(sizes):
        _show_decades(axes, drawn, float(np.median(sizes)))
    else:
        _show_evenly(axes, np.append(drawn, reach))


def _show_evenly(axes: Axes, seen: Seconds) -> None:
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    if 0 <= low < high / 2:
        low = 0.0
    margin = 0.08 * (high - low) or 0.1 * abs(high)
    low, high = (low and low - margin), (high and high + margin)
    if low == high:
        high = 1.0
    fitting = [unit for unit in UNITS if unit[0] <= 1 or high - low >= unit[0]]
    unit_s, unit = min(unit_of(max(abs(low), abs(high))), fitting[-1])
    ticks: Seconds = MaxNLocator(_TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(  # type: ignore[assignment]
        low / unit_s, high / unit_s
    )
    digits = 1 + floor(log10(np.abs(ticks).max())) - floor(log10(np.diff(ticks).min()))
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator((ticks * unit_s).tolist()))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{plain_number(value / unit_s, digits=digits + 1)} {unit}" if value else "0")
    )


def _show_decades(axes: Axes, drawn: Seconds, typical: float) -> None:
    """Show lengths of time in decades, on both sides of zero if there are such, and evenly around it."""
    low, high = float(drawn.min()), float(drawn.max())
    even = 0.0
    if low > typical / 1_000:
        axes.set_yscale("log")
        axes.set_ylim(low / 2, high * 2)
    else:
        even = max((each for each in _ROUND_S if each <= typical), default=_ROUND_S[0])
        axes.set_yscale("symlog", linthresh=even, linscale=0.5)
        axes.set_ylim(min(2 * low, -even / 2) if low < 0 else 0.0, max(2 * high, even / 2))
    low, high = axes.get_ylim()
    ticks = _between(low, high, _ROUND_S, even)
    axes.yaxis.set_major_locator(FixedLocator(ticks if len(ticks) >= _TICKS else _between(low, high, _FINER_S, even)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_words(value, least=1) if value else "0"))


def _between(low: float, high: float, sizes: Sequence[float], smallest: float) -> list[float]:
    """Return zero and what of these sizes, and of what is below zero, is within limits; in order."""
    signed = (0.0, *(sign * size for size in sizes if size >= smallest for sign in (1, -1)))
    return sorted(each for each in signed if low <= each <= high)
