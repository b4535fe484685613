"""Simulated detectors: their rates, their heartbeats, and when a burst reaches them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

import pytest

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import Heartbeat, Observation
from snews_cs.simulation.cues import Cue
from snews_cs.simulation.detectors import Burst, Watch, arrivals_ns, choose, simulated_start_ns
from snews_cs.simulation.sky import GALACTIC_CENTRE

START = parse_utc("2026-11-21T12:30:00Z")
DAY = 86_400 * NS_PER_S
REGISTRY = Registry.load()
PAIR = choose(REGISTRY, ["Super-K", "ICE"])
WATCH = Watch(detectors=PAIR, start_ns=START, duration_ns=DAY, seed=1)


def observations(cues: Sequence[Cue]) -> list[Observation]:
    return [cue.said for cue in cues if isinstance(cue.said, Observation)]


def test_the_seed_decides_everything() -> None:
    watch = replace(WATCH, rate_per_week=50.0)
    assert list(watch.cues()) == list(watch.cues())
    assert list(watch.cues()) != list(replace(watch, seed=2).cues())


def test_a_detector_does_not_care_who_else_watches() -> None:
    watch = replace(WATCH, rate_per_week=50.0)
    alone = list(replace(watch, detectors=PAIR[:1]).cues())
    assert [
        cue for cue in watch.cues() if not isinstance(cue.said, str) and cue.said.detector_name == "Super-K"
    ] == alone


def test_false_alarms_come_at_their_rate_as_a_poisson_process(seed: int) -> None:
    """As many as expected, 10,000, within 5 standard deviations; and waits whose mean is their deviation."""
    rate_per_day = 10_000
    watch = replace(WATCH, detectors=PAIR[:1], rate_per_week=7.0 * rate_per_day, heartbeat_every_ns=0, seed=seed)
    times = [said.neutrino_time_ns for said in observations(list(watch.cues()))]
    assert abs(len(times) - rate_per_day) < 500
    waits = [(later - earlier) / DAY * rate_per_day for earlier, later in pairwise(times)]
    mean = sum(waits) / len(waits)
    deviation = (sum((wait - mean) ** 2 for wait in waits) / len(waits)) ** 0.5
    assert mean == pytest.approx(1, abs=0.06)
    assert deviation == pytest.approx(1, abs=0.1)


def test_rates_are_the_registered_ones_if_none_is_given(seed: int) -> None:
    busy = Detector(name="busy", background_rate_per_week=7_000.0)
    quiet = Detector(name="quiet", background_rate_per_week=0.001)
    found = observations(list(replace(WATCH, detectors=(busy, quiet), seed=seed).cues()))
    assert 800 < len(found) < 1200
    assert {said.detector_name for said in found} == {"busy"}


def test_heartbeats_come_at_once_and_then_regularly() -> None:
    watch = replace(WATCH, rate_per_week=0.0, heartbeat_every_ns=600 * NS_PER_S, duration_ns=1800 * NS_PER_S)
    beats = [(cue.at_ns // NS_PER_S, cue.said.detector_name) for cue in watch.cues() if isinstance(cue.said, Heartbeat)]
    assert beats == [(at, name) for at in (0, 600, 1200, 1800) for name in ("Super-K", "IceCube")]


def test_without_a_duration_it_lasts_for_ever() -> None:
    cues = replace(WATCH, duration_ns=None).cues()
    assert len(list(takewhile(lambda cue: cue.at_ns < 7 * DAY, cues))) > 2 * 7 * 24 * 60


def test_each_sees_the_burst_in_its_own_moment() -> None:
    burst = Burst(30 * NS_PER_S, GALACTIC_CENTRE)
    watch = replace(WATCH, burst=burst, rate_per_week=0.0, heartbeat_every_ns=0)
    found = observations(list(watch.cues()))
    arrivals = arrivals_ns(burst, PAIR, START)
    assert {said.detector_name: said.neutrino_time_ns - START for said in found} == arrivals
    assert [said.neutrino_time_ns for said in found] == sorted(START + at_ns for at_ns in arrivals.values())
    assert all(abs(at_ns - burst.at_ns) < 21_300_000 for at_ns in arrivals.values())
    assert all(said.p_value is not None and 0 < said.p_value < 0.01 for said in found)


def test_a_detector_without_a_place_sees_no_burst() -> None:
    nowhere = Detector(name="nowhere")
    with pytest.raises(SettingsError, match="nowhere has no place"):
        arrivals_ns(Burst(0, GALACTIC_CENTRE), [nowhere], START)


def test_choosing_detectors() -> None:
    assert [detector.name for detector in choose(REGISTRY, ["ICE", "IceCube", "19"])] == ["IceCube", "XENONnT"]
    assert "TEST" not in {detector.name for detector in choose(REGISTRY, [])}
    with pytest.raises(SettingsError, match="'Gallex' is not a registered detector"):
        choose(REGISTRY, ["Gallex"])


def test_fast_detectors_live_in_the_past_and_end_at_the_present() -> None:
    assert simulated_start_ns(START, None, 1.0) == START
    began = simulated_start_ns(START, 3600 * NS_PER_S, 60.0)
    assert START - began == 3540 * NS_PER_S  # 3600 s pass in 60 s: they end with the clock on the wall
    with pytest.raises(SettingsError, match="--duration"):
        simulated_start_ns(START, None, 60.0)
