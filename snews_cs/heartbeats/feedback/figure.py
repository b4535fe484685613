"""The figure of a detector's beats: when it was ON, how far apart they came, how late they were."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from snews_cs.heartbeats.feedback.durations import in_words
from snews_cs.heartbeats.feedback.overdue import SIGMAS, is_overdue
from snews_cs.heartbeats.feedback.report import SILENT, Report
from snews_cs.heartbeats.feedback.scales import WIDE, Seconds, show_lengths, show_utc, utc
from snews_cs.heartbeats.statistics import Beat, DetectorStatus, intervals_between_s
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Nanoseconds

COLOURS: dict[str, str] = {"ON": "#1b6ca8", "OFF": "#d9622b", SILENT: "#d4d4d4"}
"""Of beats, and of the spells between them; they differ in brightness too."""

_MARKERS = {"ON": "o", "OFF": "s"}
_SIZES = ((300, 4.5), (5_000, 2.4), (float("inf"), 0.8))
_OBSERVATION: dict[str, Any] = {
    "linestyle": "",
    "marker": "*",
    "markersize": 10,
    "color": "white",
    "markeredgecolor": "#2b2b2b",
}
_BANDS = ((1.0, "#bcd5e9"), (SIGMAS, "#e4eef6"))
_LINE, _WRONG, _INK, _FAINT, _GRID = "#0d4a78", "#fdf1ec", "#2b2b2b", "#707070", "#e6e6e6"
_INCHES, _DPI = (9.6, 6.6), 125
_LEFT, _WIDTH = 0.085, 0.895
_SMALL = 9.0
_LEAST_SHOWN_NS = 60 * NS_PER_S


def png_of(report: Report) -> bytes:
    """Draw a report, and return the picture as PNG.

    Above, when the detector was ON, OFF or silent; below, each time from one heartbeat to the next, with their mean and
    the bands of 1 and 3 standard deviations; at the bottom, how late each heartbeat arrived.
    """
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)  # which needs no display
    start_ns, shown = _shown(report)
    title = f"{report.detector_name}: {shown} of heartbeats"
    figure.text(_LEFT, 0.95, title, size=14, weight="bold", color=_INK, parse_math=False)
    latencies = figure.add_axes((_LEFT, 0.10, _WIDTH, 0.27))
    intervals = figure.add_axes((_LEFT, 0.435, _WIDTH, 0.40), sharex=latencies)
    spells = figure.add_axes((_LEFT, 0.905, _WIDTH, 0.025), sharex=latencies)
    _draw_latencies(latencies, report)
    _draw_intervals(intervals, report)
    _draw_spells(spells, report)
    show_utc(latencies, start_ns, report.until_ns)
    latencies.set_xlabel(f"UTC, until {utc(report.until_ns):%-d %B %Y, %H:%M}", color=_FAINT, size=_SMALL)
    _explain_colours(figure, report)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Title": title, "Software": None})
    return picture.getvalue()


def _shown(report: Report) -> tuple[Nanoseconds, str]:
    """Return from when on the figure shows the beats, TAI ns, and how long that is in words.

    All 24 hours; of a detector that was heard first in the course of them, the time since then, for it may be short.
    """
    if report.heard_since_ns == report.since_ns:
        return report.since_ns, "24 hours"
    known_ns = report.until_ns - report.heard_since_ns
    return report.until_ns - max(round(1.03 * known_ns), _LEAST_SHOWN_NS), in_words(known_ns / NS_PER_S, digits=2)


def _draw_spells(axes: Axes, report: Report) -> None:
    for spell in report.spells():
        axes.axvspan(utc(spell.start_ns), utc(spell.end_ns), color=COLOURS[spell.status], linewidth=0)  # type: ignore[arg-type]
    observed = [utc(beat.time_ns) for beat in report.beats if not beat.is_heartbeat]
    axes.plot(observed, [0.5] * len(observed), **_OBSERVATION)  # type: ignore[arg-type]
    axes.set_ylim(0, 1)
    axes.set_axis_off()


def _draw_intervals(axes: Axes, report: Report) -> None:
    heartbeats = report.heartbeats
    intervals_s = intervals_between_s(heartbeats)
    mean_s, sigma_s = report.figures.interval_mean_s, report.figures.interval_sigma_s
    _dress(axes, "From one heartbeat to the next")
    axes.tick_params(labelbottom=False)
    if mean_s is None or sigma_s is None:
        _say(axes, "fewer than two heartbeats")
        return
    longest_s = mean_s + SIGMAS * sigma_s
    silent_s = _draw_silence(axes, report)
    show_lengths(axes, np.append(intervals_s, silent_s), reach=(max(0.0, mean_s - SIGMAS * sigma_s), longest_s))
    axes.axhline(mean_s, color=_LINE, linewidth=1.2, label=f"mean {in_words(mean_s)}")
    for sigmas, colour in _BANDS:
        name = f"\N{PLUS-MINUS SIGN}{sigmas:.0f}\N{GREEK SMALL LETTER SIGMA}, {in_words(sigmas * sigma_s)}"
        low_s = max(0.0, mean_s - sigmas * sigma_s)
        axes.axhspan(low_s, mean_s + sigmas * sigma_s, color=colour, linewidth=0, label=name, zorder=0.4 - sigmas / 10)
    _draw_beats(axes, heartbeats[1:], intervals_s, notable=intervals_s > longest_s)
    axes.legend(**_key())


def _draw_silence(axes: Axes, report: Report) -> list[float]:
    """Draw how long it has been silent by now, if that is too long; return that, s."""
    figures = report.figures
    if figures.last_ns is None or not (figures.status == DetectorStatus.SILENT or is_overdue(figures, report.until_ns)):
        return []
    silent_s = (report.until_ns - figures.last_ns) / NS_PER_S
    axes.plot([utc(report.until_ns)], [silent_s], "D", color="white", markeredgecolor=_INK, clip_on=False, zorder=4)  # type: ignore[arg-type]
    axes.annotate(
        f"silent for {in_words(silent_s)}",
        (utc(report.until_ns), silent_s),
        xytext=(-9, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        size=_SMALL,
        color=_INK,
    )
    return [silent_s]


def _draw_latencies(axes: Axes, report: Report) -> None:
    timed = [beat for beat in report.heartbeats if beat.latency_ns is not None]
    latencies_s = np.array([beat.latency_ns for beat in timed], dtype=np.float64) / NS_PER_S
    is_ahead = latencies_s < 0
    _dress(
        axes, "Latency" + (" (below 0: received before it was written, the clocks differ)" if is_ahead.any() else "")
    )
    if report.figures.latency_median_s is None:
        _say(axes, "no heartbeat says when it was written")
        return
    show_lengths(axes, latencies_s, reach=(0.0,))
    if is_ahead.any():
        axes.axhspan(axes.get_ylim()[0], 0, color=_WRONG, linewidth=0, zorder=0.1)
        axes.axhline(0, color=_FAINT, linewidth=0.8)
    median_s = report.figures.latency_median_s
    axes.axhline(median_s, color=_LINE, linewidth=1.2, label=f"median {in_words(median_s)}")
    _draw_beats(axes, timed, latencies_s, notable=np.abs(latencies_s) > WIDE * abs(median_s))
    axes.legend(**_key())


def _draw_beats(axes: Axes, beats: Sequence[Beat], lengths_s: Seconds, notable: npt.NDArray[np.bool_]) -> None:
    """Draw a point for each beat, at its time and a length of time; a larger one if it is notable."""
    times = np.array([utc(beat.time_ns) for beat in beats])
    size = next(size for most, size in _SIZES if len(beats) <= most)
    for status, marker in _MARKERS.items():
        has_status = np.array([beat.status == status for beat in beats], dtype=np.bool_)
        for chosen, width in ((has_status & ~notable, size), (has_status & notable, max(size, 5.5))):
            look: dict[str, Any] = {"color": COLOURS[status], "markersize": width, "markeredgewidth": 0, "zorder": 3}
            axes.plot(times[chosen], lengths_s[chosen], marker, **look)


def _explain_colours(figure: Figure, report: Report) -> None:
    keys = [
        Line2D([], [], linestyle="", marker=_MARKERS.get(status, "s"), color=colour, label=status)
        for status, colour in COLOURS.items()
    ]
    if len(report.heartbeats) < len(report.beats):
        keys.append(Line2D([], [], label="observation", **_OBSERVATION))
    figure.legend(handles=keys, **_key() | {"bbox_to_anchor": (_LEFT + _WIDTH, 0.936)})


def _key() -> dict[str, Any]:
    """Return how a legend looks: one line, above the right end."""
    return {
        "loc": "lower right",
        "bbox_to_anchor": (1.0, 1.0),
        "ncols": 4,
        "frameon": False,
        "fontsize": _SMALL,
        "borderaxespad": 0.2,
        "handletextpad": 0.5,
        "labelcolor": _INK,
    }


def _say(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=_FAINT)
    axes.set_yticks([])


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", size=10, color=_INK)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_FAINT, labelcolor=_INK, labelsize=_SMALL, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#b5b5b5")
