"""SPEC section 5 by its figures."""

from math import comb

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.messages.types import Parameters
from tests.coincidence.oracle import Oracle
from tests.coincidence.sky import HOUR, MINUTE, PRE_SN, SECOND, TEST, Sky

WEEK_S = 7 * 86_400
YEAR_S = 365.25 * 86_400


def rate(sky: Sky, online: int, members: int, apart: int = 0) -> float:
    """Return the false alarm rate of an alert of so many members with so many detectors online."""
    for index in range(online):
        sky.beats(f"d{index}")
    for index in range(members - 1):
        sky.sees(f"d{index}", index * apart)
    return sky.sees(f"d{members - 1}", (members - 1) * apart).alerts[0].false_alarm_rate_per_year


@pytest.mark.parametrize(("online", "years"), [(4, 96.6), (20, 3.05)])
def test_pairs_of_detectors_that_fire_once_a_week(sky: Sky, online: int, years: float) -> None:
    assert 1 / rate(sky, online, members=2) == pytest.approx(years, rel=2e-3)


def test_who_is_off_or_silent_changes_the_rate(sky: Sky) -> None:
    sky.beats("d3")
    sky.now += 5 * MINUTE
    sky.beats("d2")
    assert 1 / rate(sky, online=2, members=2) == pytest.approx(96.6, rel=2e-3)  # four of them
    sky.now += 5 * MINUTE  # one is silent now
    sky.reset(is_test=False)
    assert 1 / rate(sky, online=2, members=2) == pytest.approx(2 * 96.6, rel=2e-3)
    sky.beats("d2", "OFF")
    sky.reset(is_test=False)
    assert 1 / rate(sky, online=2, members=2) == pytest.approx(6 * 96.6, rel=2e-3)


@pytest.mark.parametrize(("online", "members"), [(2, 2), (5, 3), (8, 5), (6, 6)])
def test_equal_rates_follow_the_binomial_form(sky: Sky, online: int, members: int) -> None:
    f_hz = 1 / WEEK_S
    expected = members * comb(online, members) * f_hz**members * 10.0 ** (members - 1) * YEAR_S
    assert rate(sky, online, members, apart=SECOND) == pytest.approx(expected)


@pytest.mark.parametrize("decider", [Engine, Oracle])
def test_registered_rates_count_for_each_detector(decider: type[Engine] | type[Oracle]) -> None:
    sky = Sky(decider(Parameters(background_rates_per_week={"d0": 3.0, "d2": 0.5})))
    pairs = 3.0 * 1.0 + 3.0 * 0.5 + 1.0 * 0.5
    assert rate(sky, online=3, members=2) == pytest.approx(2 * 10 * pairs / WEEK_S**2 * YEAR_S)


def test_own_lines_of_the_last_day_count_unless_they_are_in_this_sublist(sky: Sky) -> None:
    for at in (-100, -200, -300):
        sky.sees("d0", at * SECOND)
    sky.sees("d0", 5 * SECOND)
    f0_hz, f1_hz = 3 / 86_400, 1 / WEEK_S
    assert rate(sky, online=2, members=2) == pytest.approx(2 * 10 * f0_hz * f1_hz * YEAR_S)


def test_own_lines_count_only_in_their_cache(sky: Sky) -> None:
    for cache in (PRE_SN, TEST):
        for at in (-100, -200, -300):
            sky.sees("d0", at * SECOND, cache=cache)
    assert rate(sky, online=2, members=2) == pytest.approx(2 * 10 / WEEK_S**2 * YEAR_S)


def test_a_retraction_states_the_rate_of_the_members_it_lists(sky: Sky) -> None:
    for name in ("d0", "d1", "d2"):
        (*_, alert) = (None, *sky.sees(name, 0, uuid=name).alerts)
    assert alert is not None
    sky.now += HOUR  # nobody else is online any more
    sky.retracts("d1", "d1")
    (retraction,) = sky.retracts("d2", "d2").alerts
    assert [member.detector_name for member in retraction.members] == ["d0", "d2"]
    assert retraction.false_alarm_rate_per_year == pytest.approx(2 * 10 / WEEK_S**2 * YEAR_S)
