"""Draws the figures of the documentation: ``.venv/bin/python docs/figures.py``.

The README example is put through the engine itself; its figure carries the numbers that it shows as JSON in its
metadata, and tests/docs holds them against the engine. The picture of ``make run`` is what the demonstration saved
(``.venv/bin/python -m snews_cs.simulation.demo --svg docs/images/make-run.svg``); here an excerpt is cut from it.
"""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from snews_cs.coincidence.content import alert_content
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.frame import assign_sublists
from snews_cs.coincidence.types import Alert, CacheKey
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import Observation
from snews_cs.server.notices import notice_content

IMAGES = Path(__file__).with_name("images")
EXAMPLE = IMAGES / "readme-example.svg"
MAKE_RUN = IMAGES / "make-run.svg"
MAKE_RUN_EXCERPT = IMAGES / "make-run-excerpt.svg"

MESSAGES = (
    ("Super-K", "2026-11-21T12:30:00Z"),
    ("IceCube", "2026-11-21T12:30:09Z"),
    ("KM3NeT", "2026-11-21T12:30:11Z"),
    ("SNO+", "2026-11-21T16:30:00Z"),
)
"""The README example: detector and neutrino time, in the order in which the messages come."""

COLOURS = ("#2a6f97", "#c1666b", "#6c757d")
WINDOW_S = 10
LINE_HEIGHT = 24.4


def play_example() -> tuple[pd.DataFrame, list[tuple[Alert, ...]]]:
    """Put the README example through the engine: the cache at the end, and the alerts of each message."""
    engine = Engine()
    alerts = []
    for place, (detector, time) in enumerate(MESSAGES, start=1):
        time_ns = parse_utc(time)
        message = Observation(detector_name=detector, message_uuid=f"message-{place}", neutrino_time_ns=time_ns)
        alerts.append(engine.apply(message, time_ns + 5 * 10**9, f"message {place}").alerts)
    return engine.caches[CacheKey(is_test=False, is_pre_sn=False)].frame, alerts


def example_alerts() -> list[dict[str, Any]]:
    """Return the alerts of the README example, as published."""
    return [alert_content(alert, server_tag="my-server") for alerts in play_example()[1] for alert in alerts]


def example_notice() -> dict[str, Any]:
    """Return the notice of the first message of the README example, as published."""
    engine, (detector, time) = Engine(), MESSAGES[0]
    received_ns = parse_utc(time) + 5 * 10**9
    message = Observation(detector_name=detector, message_uuid="message-1", neutrino_time_ns=parse_utc(time))
    outcome = engine.apply(message, received_ns, "message 1")
    return notice_content(message, outcome, received_ns, engine, server_tag="my-server")


def example_data() -> dict[str, Any]:
    """Return what the figure of the README example shows.

    Returns
    -------
    dict
        ``messages``: for each message its detector, the seconds after the first message at which it stands, and the
        alerts that it raised; ``sublists``: for each number the detectors and seconds of its observations.

    Raises
    ------
    RuntimeError
        If the engine and the definition on the frame differ.
    """
    frame, alerts = play_example()
    start_ns = parse_utc(MESSAGES[0][1])
    sublists = _sublists(frame, start_ns)
    if sublists != _sublists(assign_sublists(frame), start_ns):
        raise RuntimeError("the engine and the definition on the frame differ")
    messages = [
        {
            "detector": detector,
            "after_s": (parse_utc(time) - start_ns) / 10**9,
            "alerts": [{"type": str(alert.alert_type), "sublist": alert.sub_list_number} for alert in raised],
        }
        for (detector, time), raised in zip(MESSAGES, alerts, strict=True)
    ]
    return {"messages": messages, "sublists": sublists}


def _sublists(frame: pd.DataFrame, start_ns: int) -> list[list[list[Any]]]:
    """Return the detector and time (s after the start) of each observation in each sublist, in order of number."""
    shown = frame.assign(after_s=(frame["neutrino_time_ns"] - start_ns) / 10**9)[["detector_name", "after_s"]]
    return [rows.to_numpy().tolist() for _, rows in shown.groupby(frame["sub_list_num"])]


def draw_example(path: Path = EXAMPLE) -> None:
    """Draw the README example: what came, the windows, and what was published."""
    data = example_data()
    plt.rcParams.update({"svg.hashsalt": "snews_cs", "font.size": 10, "font.family": "DejaVu Sans"})
    figure, (now, later) = plt.subplots(
        1, 2, figsize=(9.6, 3.2), sharey=True, width_ratios=(30, 22), layout="constrained"
    )
    alerts = [alert for message in data["messages"] for alert in message["alerts"]]
    rows = {message["detector"]: row for row, message in enumerate(data["messages"])}
    for number, observations in enumerate(data["sublists"]):
        first_s = observations[0][1]
        axes, shift_s = (now, 0.0) if first_s < 60 else (later, first_s)
        points = [(after_s - shift_s, rows[detector]) for detector, after_s in observations]
        raised = [alert["type"] for alert in alerts if alert["sublist"] == number]
        _draw_sublist(axes, number, points, " and ".join(raised) or "no alert")
    now.set(xlim=(-1, 29), xticks=range(0, 21, 2), xlabel="neutrino time, s after 12:30:00 UTC")
    later.set(xlim=(-1, 21.5), xticks=[0, 10], xlabel="s after 16:30:00 UTC")
    now.set(ylim=(len(rows) - 0.5, -1.5), yticks=list(rows.values()), yticklabels=list(rows))
    for axes in (now, later):
        axes.tick_params(length=0)
        axes.grid(color="#ebebeb")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
    metadata = {"Date": None, "Creator": None, "Description": json.dumps(data)} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata)
    plt.close(figure)


def _draw_sublist(axes: Axes, number: int, points: list[tuple[float, int]], says: str) -> None:
    """Draw the observations (s, row) of a sublist, and above them the window that they fill."""
    colour = COLOURS[number]
    (first_s, _), (last_s, _) = points[0], points[-1]
    height = -1.1 + 0.4 * (number % 2)
    axes.fill_between([first_s, last_s], height, max(row for _, row in points), color=colour, alpha=0.12, linewidth=0)
    axes.plot([first_s, first_s + WINDOW_S], [height, height], ":", color=colour)
    axes.plot([first_s, last_s], [height, height], "|-", color=colour, markersize=8)
    axes.text(first_s + WINDOW_S + 0.3, height, f"sublist {number}: {says}", color=colour, va="center", weight="bold")
    for second, row in points:  # one that is in two sublists shows as a dot in a ring
        axes.plot(second, row, "o", color=colour, markersize=12 - 4 * (number % 2), zorder=3 + number)


def embedded_data(path: Path) -> Any:
    """Return the numbers that a figure carries."""
    return json.loads(unescape(_found("<dc:description>(.*?)</dc:description>", path.read_text())))


def cut_excerpt(path: Path = MAKE_RUN_EXCERPT, acts: tuple[int, int] = (3, 4)) -> None:
    """Cut some acts of the demonstration out of its picture, a terminal that rich has drawn."""
    svg = MAKE_RUN.read_text()
    begins = {
        int(act): int(line) for line, act in re.findall(r'-line-(\d+)\)">(?:&#160;)?(\d+)&#160;&#160;</text>', svg)
    }
    first, end = begins[acts[0]], begins[acts[1] + 1] - 1

    def kept(match: re.Match[str]) -> str:
        return match[0] if first <= int(match["line"]) < end else ""

    svg = re.sub(r'<clipPath id="[^"]*-line-(?P<line>\d+)">.*?</clipPath>\n?', kept, svg, flags=re.DOTALL)
    svg = re.sub(r'<text[^>]*-line-(?P<line>\d+)\)">[^<]*</text>', kept, svg)
    whole = float(_found(r'viewBox="0 0 \S+ ([\d.]+)"', svg))
    gone = whole - 60 - LINE_HEIGHT * (end - first)
    svg = svg.replace(f'{whole:g}"', f'{whole - gone:.1f}"').replace(
        f'height="{whole - 2:g}"', f'height="{whole - 2 - gone:.1f}"'
    )
    svg = svg.replace("translate(9, 41)", f"translate(9, {41 - LINE_HEIGHT * first:.1f})")
    path.write_text("\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        raise ValueError(f"{pattern} is not there")
    return found[1]


if __name__ == "__main__":
    draw_example()
    cut_excerpt()
