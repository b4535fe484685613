"""What is said of a detector: spells, figures, words, and the picture of them."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from snews_cs.heartbeats.feedback.durations import in_words, plain_number
from snews_cs.heartbeats.feedback.figure import COLOURS, png_of
from snews_cs.heartbeats.feedback.report import Report, report_on
from snews_cs.heartbeats.feedback.wording import in_figures, remarks, status_now
from snews_cs.heartbeats.statistics import Beat
from snews_cs.messages.times import NS_PER_S, parse_utc
from tests.heartbeats.feedback.conftest import NOW, OFFLINE_AFTER_NS

HOUR_NS = 3_600 * NS_PER_S
START_NS = NOW - 24 * HOUR_NS


def beats(
    first_h: float, last_h: float, *, every_s: float = 60, status: str = "ON", latency_s: float | None = 0.5
) -> list[Beat]:
    """Return regular heartbeats between two times, hours after the 24 hours began."""
    latency_ns = None if latency_s is None else round(latency_s * NS_PER_S)
    seconds = np.arange(first_h * 3_600, last_h * 3_600, every_s)
    return [Beat(START_NS + round(second * NS_PER_S), status, latency_ns) for second in seconds]


def report(said: Sequence[Beat]) -> Report:
    return report_on("JUNO", said, NOW, offline_after_ns=OFFLINE_AFTER_NS)


def hours(time_ns: int) -> float:
    return round((time_ns - START_NS) / HOUR_NS, 2)


CASES: dict[str, list[Beat]] = {
    "none": [],
    "one": beats(23, 23.001),
    "three": beats(20, 21.1, every_s=1_800),
    "a day": beats(0, 24),
    "all at one time": [Beat(NOW - HOUR_NS, "ON", 0)] * 6,
    "no latency": beats(0, 24, latency_s=None),
    "a clock an hour ahead": beats(0, 24, latency_s=-3_600),
    "a clock in another century": beats(0, 24, latency_s=3e9),
    "clocks in between": beats(0, 12, latency_s=0.001) + beats(12, 13, latency_s=-7_200) + beats(13, 24),
    "silent now": beats(0, 10),
    "OFF": beats(0, 24, status="OFF"),
    "an observation": sorted(
        [*beats(0, 24, every_s=300), Beat(NOW - HOUR_NS, "ON", 0, False)], key=lambda b: b.time_ns
    ),
    "only an observation": [Beat(NOW - HOUR_NS, "ON", 0, False)],
    "the clock was set back": beats(10, 12) + beats(11, 24),
    "what came later": [*beats(0, 23), Beat(NOW + HOUR_NS, "ON", 0)],
    "each second for an hour": beats(22, 23, every_s=1),
    "just now": beats(24 - 1 / 3_600, 24),
    "over midnight": beats(2, 10),
}


@pytest.mark.parametrize("said", CASES.values(), ids=CASES)
def test_anything_can_be_drawn_and_said(said: list[Beat]) -> None:
    assert picture(report(said)).shape == (825, 1_200, 4)
    sentences = [status_now(report(said)), *remarks(report(said))]
    assert all(sentence.endswith(".") for sentence in sentences)
    assert all(value for _, value in in_figures(report(said)))


@settings(max_examples=20, deadline=None)
@given(
    said=st.lists(
        st.builds(
            Beat,
            st.integers(NOW - 30 * HOUR_NS, NOW + HOUR_NS),
            st.sampled_from(["ON", "OFF"]),
            st.none() | st.integers(-(7 * 10**18), 7 * 10**18),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_whatever_comes_can_be_drawn_and_said(said: list[Beat]) -> None:
    about = report(said)
    assert png_of(about)
    assert all(value for _, value in in_figures(about))


def picture(about: Report) -> npt.NDArray[np.float64]:
    """Return the figure's pixels; shape (height, width, 4)."""
    return np.asarray(imread(BytesIO(png_of(about))), dtype=np.float64)


def test_the_figure_shows_when_it_was_on_off_or_silent() -> None:
    pixels = picture(report(beats(0, 6) + beats(6, 12, status="OFF") + beats(12, 18)))
    strip = pixels[round(0.0825 * 825)]
    for hour, status in ((3, "ON"), (9, "OFF"), (15, "ON"), (21, "silent")):
        place = round((0.085 + 0.895 * hour / 24) * 1_200)
        assert strip[place][:3] == pytest.approx(to_rgb(COLOURS[status]), abs=0.01)


def test_spells_begin_with_what_was_before() -> None:
    off = Beat(START_NS - HOUR_NS, "OFF", None)
    said = [off, *beats(1, 2), *beats(3, 4, status="OFF")]
    spells = [(spell.status, hours(spell.start_ns), hours(spell.end_ns)) for spell in report(said).spells()]
    assert spells == [
        ("OFF", 0, 1),
        ("ON", 1, pytest.approx(2.15, abs=0.01)),
        ("silent", pytest.approx(2.15, abs=0.01), 3),
        ("OFF", 3, 24),
    ]


def test_who_was_not_heard_before_is_shown_since_then() -> None:
    said = beats(23.5, 24)
    about = report(said)
    assert dict(in_figures(about))["Heard since"] == "2100-01-02 15:50:03 UTC, not before"
    assert [(spell.status, hours(spell.start_ns), hours(spell.end_ns)) for spell in about.spells()] == [
        ("ON", 23.5, 24)
    ]
    strip = picture(about)[round(0.0825 * 825)]
    assert strip[600][:3] == pytest.approx(to_rgb(COLOURS["ON"]), abs=0.01)
    assert strip[110][:3] == pytest.approx((1, 1, 1), abs=0.01)


def test_figures_are_of_the_24_hours() -> None:
    said = [*beats(-5, 0), *beats(0, 1), *beats(3, 4, status="OFF"), Beat(NOW - 1, "ON", 0, False)]
    assert dict(in_figures(report(said))) == {
        "Heartbeats": "120",
        "Observations": "1",
        "From one to the next": "2.01 min on average, standard deviation 11 min",
        "Longest time between two": "2.02 h, until 2100-01-01 19:20:03 UTC",
        "Missed": "120",
        "Counted as": "ON for 69 min, OFF for 21 h, silent for 111 min",
        "Latency": "median 500 ms, at most 500 ms",
    }


@pytest.mark.parametrize(
    ("latency_s", "words"),
    [
        (-37.0, "Its heartbeats arrive 37 s before they were written"),
        (7_200.0, "Its heartbeats take 2 h to arrive"),
        (1.0, "After 60 s of silence the next heartbeat is overdue"),
    ],
)
def test_wrong_clocks_are_remarked(latency_s: float, words: str) -> None:
    assert next(remarks(report(beats(0, 24, latency_s=latency_s)))).startswith(words)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "Nothing was heard of JUNO"),
        (beats(0, 24), "JUNO counts as ON: last heard at 2100-01-02 16:19:03 UTC, 60 s before."),
        (beats(0, 23), "JUNO is silent, and counts as offline: last heard at"),
        (beats(0, 23, status="OFF"), "JUNO says that it is OFF: last heard at"),
    ],
)
def test_how_it_does_is_said(said: list[Beat], words: str) -> None:
    assert status_now(report(said)).startswith(words)


@pytest.mark.parametrize(
    ("length_s", "words"),
    [
        (0, "0 s"),
        (0.00052, "0.52 ms"),
        (0.9, "900 ms"),
        (59.96, "60 s"),
        (119, "119 s"),
        (120, "2 min"),
        (-37.04, "\N{MINUS SIGN}37 s"),
        (5_400, "90 min"),
        (7_200, "2 h"),
        (3 * 86_400, "3 days"),
        (3e9, "34,722 days"),
    ],
)
def test_lengths_of_time_in_words(length_s: float, words: str) -> None:
    assert in_words(length_s) == words


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (12_345, "12,345"), (0.9999, "1"), (1.005, "1"), (-0.25, "\N{MINUS SIGN}0.25")]
)
def test_numbers_as_people_write_them(number: float, text: str) -> None:
    assert plain_number(number) == text


def test_a_leap_second_is_a_second() -> None:
    """2016 ended with one."""
    until_ns = parse_utc("2017-01-01T00:00:00Z")
    said = [Beat(until_ns - n * NS_PER_S, "ON", 0) for n in range(20, 0, -1)]
    assert report_on("JUNO", said, until_ns, offline_after_ns=OFFLINE_AFTER_NS).figures.interval_mean_s == 1.0
