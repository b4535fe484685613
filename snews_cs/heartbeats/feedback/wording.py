"""A detector's beats in words: what the mails say."""

import textwrap
from collections.abc import Iterator

from snews_cs.heartbeats.feedback.durations import in_words, plain_number
from snews_cs.heartbeats.feedback.overdue import LEAST_BEATS, longest_silence_s
from snews_cs.heartbeats.feedback.report import SILENT, Report
from snews_cs.heartbeats.statistics import DetectorStatus, intervals_between_s
from snews_cs.messages.times import NS_PER_S, format_utc
from snews_cs.messages.types import Nanoseconds

WIDTH = 72
"""Columns of a mail."""

WRONG_CLOCK_S = 60.0
"""Heartbeats that take longer than this, or less than nothing, come with a wrong clock."""


def moment(time_ns: Nanoseconds) -> str:
    """Return a time to the second, not rounded up: ``2026-11-21 16:20:03 UTC``."""
    text = format_utc(time_ns)
    return f"{text[:10]} {text[11:19]} UTC"


def length(duration_ns: Nanoseconds) -> str:
    """Return a length of time in words."""
    return in_words(duration_ns / NS_PER_S)


def paragraph(*sentences: str) -> str:
    """Return sentences as a paragraph of lines that fit into a mail."""
    return textwrap.fill(" ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False)


def table(rows: list[tuple[str, str]]) -> str:
    """Return names and values, in columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def status_now(report: Report) -> str:
    """Return how the detector is doing, in a sentence."""
    name, figures = report.detector_name, report.figures
    if figures.last_ns is None:
        return f"Nothing was heard of {name} in the 24 hours before that."
    heard = f"last heard at {moment(figures.last_ns)}, {length(report.until_ns - figures.last_ns)} before"
    match figures.status:
        case DetectorStatus.ON:
            return f"{name} counts as ON: {heard}."
        case DetectorStatus.OFF:
            return f"{name} says that it is OFF: {heard}."
        case _:
            return f"{name} is silent, and counts as offline: {heard}."


def in_figures(report: Report) -> list[tuple[str, str]]:
    """Return the figures of the 24 hours: what they are of, and what they are."""
    figures = report.figures
    rows = [("Heartbeats", plain_number(figures.beats, digits=9))]
    if report.heard_since_ns > report.since_ns:
        rows.insert(0, ("Heard since", f"{moment(report.heard_since_ns)}, not before"))
    if observations := len(report.beats) - figures.beats:
        rows.append(("Observations", plain_number(observations, digits=9)))
    if figures.interval_mean_s is not None and figures.interval_sigma_s is not None:
        mean, sigma = in_words(figures.interval_mean_s), in_words(figures.interval_sigma_s)
        rows.append(("From one to the next", f"{mean} on average, standard deviation {sigma}"))
        rows.append(("Longest time between two", _longest(report)))
    rows.append(("Missed", plain_number(figures.missed, digits=9)))
    lasted = dict.fromkeys(("ON", "OFF", SILENT), 0)
    for spell in report.spells():
        lasted[spell.status] += spell.end_ns - spell.start_ns
    rows.append(("Counted as", ", ".join(f"{status} for {length(ns)}" for status, ns in lasted.items() if ns)))
    if figures.latency_median_s is not None:
        longest_ns = max(beat.latency_ns for beat in report.heartbeats if beat.latency_ns is not None)
        rows.append(("Latency", f"median {in_words(figures.latency_median_s)}, at most {length(longest_ns)}"))
    return rows


def remarks(report: Report) -> Iterator[str]:
    """Yield what the detector's people should know about these figures, in sentences."""
    figures = report.figures
    median_s = figures.latency_median_s
    if median_s is not None and median_s < 0:
        yield (
            f"Its heartbeats arrive {in_words(-median_s)} before they were written: its clock, or the server's, is"
            " wrong, or its times are not UTC."
        )
    elif median_s is not None and median_s > WRONG_CLOCK_S:
        yield (
            f"Its heartbeats take {in_words(median_s)} to arrive: they are held up somewhere, or its clock is wrong, or"
            " its times are not UTC."
        )
    longest_s = longest_silence_s(figures)
    if longest_s is None:
        yield f"With fewer than {LEAST_BEATS} heartbeats a day nobody is warned when one is overdue."
    else:
        yield f"After {in_words(longest_s)} of silence the next heartbeat is overdue, and its contacts are warned."


def _longest(report: Report) -> str:
    heartbeats = report.heartbeats
    place = int(intervals_between_s(heartbeats).argmax())
    earlier, later = heartbeats[place : place + 2]
    return f"{length(later.time_ns - earlier.time_ns)}, until {moment(later.time_ns)}"
