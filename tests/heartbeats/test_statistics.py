"""Beats in figures."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snews_cs.coincidence.types import Disposition, Outcome
from snews_cs.heartbeats.statistics import Beat, DetectorStatus, beats_of, missed_beats, summarise
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Heartbeat, Message, Nanoseconds
from snews_cs.storage.projections import changes
from snews_cs.storage.tables import HeartbeatRow
from tests.storage.builders import DAY_NS, T0, make_entry, make_observation

MINUTE_NS = 60 * NS_PER_S


def beats_at(seconds: Iterable[float], *, status: str = "ON", latency_ns: Nanoseconds | None = None) -> list[Beat]:
    """Return heartbeats received so long after T0."""
    return [Beat(T0 + round(each * NS_PER_S), status, latency_ns) for each in seconds]


def rows_of(*said: Message) -> list[HeartbeatRow]:
    """Return the rows that the store makes of messages, one a minute, in its order."""
    opened = Outcome(disposition=Disposition.OPENED)
    entries = [
        make_entry(n, message=each, received_ns=T0 + n * MINUTE_NS, outcome=opened) for n, each in enumerate(said)
    ]
    rows = changes(entries, heartbeats_kept_ns=DAY_NS).rows[HeartbeatRow].values()
    return sorted((row for row in rows if isinstance(row, HeartbeatRow)), key=lambda row: row.beat)


def heartbeat(name: str = "JUNO", **said: object) -> Heartbeat:
    return Heartbeat(**{"detector_name": name, "message_uuid": "", "status": "ON", **said})  # type: ignore[arg-type]


class TestBeatsOf:
    """From the store's rows to beats."""

    def test_by_detector_in_order(self) -> None:
        found = beats_of(rows_of(heartbeat("JUNO"), heartbeat("LVD", status="OFF"), heartbeat("JUNO")))
        assert found == {
            "JUNO": [Beat(T0, "ON", None), Beat(T0 + 2 * MINUTE_NS, "ON", None)],
            "LVD": [Beat(T0 + MINUTE_NS, "OFF", None)],
        }

    def test_tests_and_real_ones_apart(self) -> None:
        rows = rows_of(heartbeat("JUNO"), heartbeat("LVD", is_test=True))
        assert (list(beats_of(rows)), list(beats_of(rows, is_test=True))) == (["JUNO"], ["LVD"])

    def test_latency_from_the_machine_else_from_the_client(self) -> None:
        rows = rows_of(
            heartbeat(machine_time_ns=T0 - 5, sent_time_ns=T0 - 3),
            heartbeat(sent_time_ns=T0 + MINUTE_NS + 3),
            heartbeat(),
        )
        assert [beat.latency_ns for beat in beats_of(rows)["JUNO"]] == [5, -3, None]

    def test_observations_are_beats_at_their_place(self) -> None:
        found = beats_of(rows_of(make_observation(1), heartbeat(), make_observation(3), heartbeat(status="OFF")))
        assert [(beat.status, beat.is_heartbeat) for beat in found["JUNO"]] == [
            ("ON", False),
            ("ON", True),
            ("ON", False),
            ("OFF", True),
        ]


class TestSummarise:
    """One detector in figures."""

    def test_figures(self) -> None:
        beats = [*beats_at((0, 50), latency_ns=NS_PER_S), *beats_at((120,), latency_ns=4 * NS_PER_S)]
        found = summarise("JUNO", beats, T0 + 130 * NS_PER_S)
        assert (found.detector_name, found.status, found.last_ns) == ("JUNO", "ON", T0 + 120 * NS_PER_S)
        assert (found.beats, found.interval_mean_s, found.interval_sigma_s) == (3, 60.0, 10.0)
        assert (found.latency_median_s, found.missed) == (1.0, 0)

    def test_nothing_is_known_of_who_was_never_heard(self) -> None:
        found = summarise("JUNO", [], T0)
        assert (found.status, found.last_ns, found.beats) == (DetectorStatus.UNHEARD, None, 0)
        assert (found.interval_mean_s, found.interval_sigma_s, found.latency_median_s) == (None, None, None)

    def test_one_beat_has_no_interval(self) -> None:
        found = summarise("JUNO", beats_at((0,)), T0)
        assert (found.beats, found.interval_mean_s, found.interval_sigma_s, found.missed) == (1, None, None, 0)

    @pytest.mark.parametrize(
        ("status", "silence_ns", "expected"),
        [("ON", 600 * NS_PER_S - 1, "ON"), ("ON", 600 * NS_PER_S, "silent"), ("OFF", 0, "OFF"), ("OFF", DAY_NS, "OFF")],
    )
    def test_status_is_that_of_the_last_beat(self, status: str, silence_ns: Nanoseconds, expected: str) -> None:
        beats = [*beats_at((-60,), status="ON"), *beats_at((0,), status=status)]
        assert summarise("JUNO", beats, T0 + silence_ns).status == expected

    def test_an_observation_is_a_beat_but_not_a_regular_one(self) -> None:
        beats = [*beats_at((0, 60, 120)), Beat(T0 + 130 * NS_PER_S, "ON", 0, is_heartbeat=False)]
        found = summarise("JUNO", beats, T0 + 140 * NS_PER_S)
        assert (found.last_ns, found.beats, found.interval_mean_s) == (T0 + 130 * NS_PER_S, 3, 60.0)

    def test_figures_are_of_a_day_and_status_of_all(self) -> None:
        beats = beats_at((0, 10, 7200))
        found = summarise("JUNO", beats, T0 + 7200 * NS_PER_S + DAY_NS)
        assert (found.status, found.last_ns, found.beats) == ("silent", T0 + 7200 * NS_PER_S, 1)


class TestMissedBeats:
    """How many did not come when they should have."""

    def missed(self, *seconds: float, now_s: float | None = None) -> int:
        return missed_beats(beats_at(seconds), T0 + round((seconds[-1] if now_s is None else now_s) * NS_PER_S))

    def test_a_gap(self) -> None:
        assert self.missed(0, 60, 120, 180, 420) == 3

    def test_late_is_not_missed(self) -> None:
        assert self.missed(0, 60, 120, 180, 265) == 0

    def test_since_the_last_one(self) -> None:
        assert self.missed(0, 60, 120, now_s=300) == 2

    def test_a_clock_set_back(self) -> None:
        assert self.missed(0, 60, 120, 30, 90, now_s=0) == 0

    def test_all_at_once(self) -> None:
        assert self.missed(0, 0, 0, now_s=1e6) == 0

    def test_of_two_nothing_is_said(self) -> None:
        assert self.missed(0, 60, now_s=1e6) == 0

    def test_who_said_off_may_be_silent(self) -> None:
        beats = [*beats_at((0, 60, 120)), *beats_at((180,), status="OFF")]
        assert missed_beats(beats, T0 + DAY_NS) == 0
        assert missed_beats([*beats, *beats_at((18_000,))], T0 + 18_000 * NS_PER_S) == 0

    @given(st.sets(st.integers(1, 200), max_size=80))
    def test_of_a_regular_detector_each(self, dropped: set[int]) -> None:
        """With most of them there, every beat that was dropped is found."""
        kept = [n for n in range(300) if n not in dropped]
        assert self.missed(*(60 * n for n in kept)) == len(dropped)
