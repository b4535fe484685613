"""A made-up day of a detector, for the page about feedback: ``.venv/bin/python docs/feedback_example.py`` draws it."""

from pathlib import Path

import numpy as np

from snews_cs.heartbeats.feedback.figure import png_of
from snews_cs.heartbeats.feedback.report import Report, report_on
from snews_cs.heartbeats.statistics import Beat
from snews_cs.messages.times import NS_PER_S, parse_utc

FIGURE = Path(__file__).with_name("images") / "feedback.png"
UNTIL_NS = parse_utc("2026-11-21T12:30:05Z")
MINUTES = 24 * 60 + 15


def example_report() -> Report:
    """Return the report on a detector that beats each minute, was OFF for two hours, and silent for twenty minutes."""
    chance = np.random.default_rng(1987)
    late_s = chance.normal(0, 1.2, MINUTES)
    latencies_s = 0.25 + chance.gamma(3, 0.06, MINUTES)
    beats = [
        Beat(
            UNTIL_NS - round((60 * minutes_ago + 20 + late_s[minutes_ago]) * NS_PER_S),
            "OFF" if 900 <= minutes_ago < 1_020 else "ON",
            round(latencies_s[minutes_ago] * NS_PER_S),
        )
        for minutes_ago in reversed(range(MINUTES))
        if not 300 < minutes_ago < 320
    ]
    return report_on("JUNO", beats, UNTIL_NS, offline_after_ns=600 * NS_PER_S)


if __name__ == "__main__":
    FIGURE.write_bytes(png_of(example_report()))
