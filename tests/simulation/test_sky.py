"""Light-travel delays: what can be worked out by hand."""

import math

import erfa
import numpy as np
import pytest

from snews_cs.messages.registry import Registry
from snews_cs.messages.times import parse_utc
from snews_cs.simulation.sky import GALACTIC_CENTRE, SPEED_OF_LIGHT, Direction, delay_ns, position, to_source

J2000 = parse_utc("2000-01-01T12:00:00Z")
GREENWICH_SIDEREAL_DEG = 280.46
"""Greenwich sidereal time at noon on 2000-01-01, degrees (any almanac: 18h 41m 50.5s)."""


def test_a_source_overhead_is_heard_an_earth_radius_early() -> None:
    source = to_source(Direction(GREENWICH_SIDEREAL_DEG, 0.0), J2000)
    early_ns = 6_378_137.0 / SPEED_OF_LIGHT * 1e9
    assert delay_ns(position(0.0, 0.0), source) == pytest.approx(-early_ns, abs=100)
    assert delay_ns(position(0.0, 180.0), source) == pytest.approx(early_ns, abs=100)
    assert delay_ns(position(0.0, 90.0), source) == pytest.approx(0, abs=10_000)


def test_at_the_poles_the_declination_decides() -> None:
    source = to_source(Direction(123.0, 30.0), J2000)
    by_hand_ns = 6_356_752.0 / SPEED_OF_LIGHT * 1e9 * math.sin(math.radians(30.0))
    assert delay_ns(position(90.0, 0.0), source) == pytest.approx(-by_hand_ns, abs=2_000)
    assert delay_ns(position(-90.0, 0.0), source) == pytest.approx(by_hand_ns, abs=2_000)


def test_the_sky_turns_once_in_a_sidereal_day() -> None:
    now = to_source(GALACTIC_CENTRE, J2000)
    sidereal_day_ns = 86_164_090_500_000
    assert to_source(GALACTIC_CENTRE, J2000 + sidereal_day_ns) == pytest.approx(now, abs=1e-6)
    assert to_source(GALACTIC_CENTRE, J2000 + sidereal_day_ns // 2)[:2] == pytest.approx(-now[:2], abs=1e-4)


def test_no_two_places_are_more_than_the_earths_diameter_apart() -> None:
    places = [
        position(detector.latitude_deg, detector.longitude_deg)
        for detector in Registry.load().detectors
        if detector.latitude_deg is not None and detector.longitude_deg is not None
    ]
    for ra_deg in range(0, 360, 30):
        source = to_source(Direction(ra_deg, -60 + ra_deg / 3), J2000)
        delays = [delay_ns(place, source) for place in places]
        assert max(delays) - min(delays) <= 42_550_000


def test_super_k_and_icecube() -> None:
    """Their baseline is fixed by the registry's coordinates alone, and so is the largest delay between them."""
    super_k, ice_cube = position(36.4258, 137.3103), position(-89.99, -63.4531)
    baseline = super_k - ice_cube
    length = float(np.linalg.norm(baseline))
    assert length == pytest.approx(2 * 6_371_000 * math.cos(math.radians(26.79)), rel=0.003)  # half of 90 - 36.42
    assert delay_ns(ice_cube, baseline / length) - delay_ns(super_k, baseline / length) == pytest.approx(
        length / SPEED_OF_LIGHT * 1e9, abs=2
    )


def test_places_agree_with_the_sphere_to_its_flattening() -> None:
    place = position(45.0, 45.0)
    sphere = 6_371_000 * erfa.s2c(math.radians(45.0), math.radians(45.0))
    assert np.linalg.norm(place - sphere) < 22_000
