"""A member is flagged when its alarms exceed the table of SNEWS 1.0; nothing is dropped for it."""

import pytest

from snews_cs.coincidence.types import Alert, CacheKey
from snews_cs.messages.types import Parameters
from tests.coincidence.sky import HOUR, MINUTE, NOON, PRE_SN, REAL, SECOND, TEST, Sky, names, types

DAY = 24 * HOUR
BURST = 40 * DAY
TABLE = [(10 * MINUTE, 1), (HOUR, 2), (10 * HOUR, 2), (DAY, 3), (3 * DAY, 4), (7 * DAY, 5), (30 * DAY, 11)]
"""Fewer than so many alarms in so long a time are allowed."""


def alarms(sky: Sky, count: int, back: int, *, cache: CacheKey = REAL) -> None:
    """Let d2 see, so long before the burst, so many things that nobody else sees."""
    sky.now = BURST - back
    for number in range(count):
        sky.sees("d2", sky.now - (number + 1) * 20 * SECOND, cache=cache)


def burst(sky: Sky, *, cache: CacheKey = REAL) -> Alert:
    """Let d1 and d2 see the same; return the alert."""
    sky.now = BURST
    sky.sees("d1", BURST, cache=cache)
    (alert,) = sky.sees("d2", BURST + SECOND, cache=cache).alerts
    return alert


@pytest.mark.parametrize(("within", "too_many"), TABLE)
def test_too_many_alarms_are_flagged(sky: Sky, within: int, too_many: int) -> None:
    alarms(sky, too_many, within)
    alert = burst(sky)
    assert alert.noisy_detector_names == ("d2",)
    assert names(alert) == ["d1", "d2"]


@pytest.mark.parametrize(("within", "too_many"), TABLE)
def test_one_alarm_less_is_not_flagged(sky: Sky, within: int, too_many: int) -> None:
    alarms(sky, too_many - 1, within)
    assert burst(sky).noisy_detector_names == ()


@pytest.mark.parametrize(("within", "too_many"), [row for row in TABLE if row[0] != HOUR])
def test_a_moment_longer_ago_is_not_flagged(sky: Sky, within: int, too_many: int) -> None:
    alarms(sky, too_many, within + 1)
    assert burst(sky).noisy_detector_names == ()


def test_alarms_need_not_come_at_once(sky: Sky) -> None:
    alarms(sky, 1, 3 * DAY)
    alarms(sky, 1, 2 * DAY)
    alarms(sky, 1, 30 * HOUR)
    assert burst(sky).noisy_detector_names == ()
    sky.retracts("d2", latest="ALL")
    alarms(sky, 1, 11 * HOUR)
    assert burst(sky).noisy_detector_names == ("d2",)


def test_all_members_that_are_noisy_are_named_in_the_alerts_order(sky: Sky) -> None:
    sky.now = BURST
    for name in ("d3", "d2"):
        sky.sees(name, BURST - MINUTE * (1 if name == "d2" else 2))
    sky.sees("d3", BURST)
    (initial,) = sky.sees("d2", BURST + SECOND).alerts
    assert initial.noisy_detector_names == ("d3", "d2")
    (update,) = sky.sees("d1", BURST + 2 * SECOND).alerts
    assert update.noisy_detector_names == ("d3", "d2")


# What an alarm is


def test_lines_of_this_sublist_do_not_count(sky: Sky) -> None:
    sky.now = BURST
    for second in (2, 4, 6, 8):
        sky.sees("d2", BURST + second * SECOND)
    assert burst(sky).noisy_detector_names == ()


def test_many_lines_in_the_sublist_do_not_hide_what_was_a_month_ago(sky: Sky) -> None:
    alarms(sky, 11, 29 * DAY)
    sky.now = BURST
    for step in range(9):
        assert sky.sees("d2", BURST + step * (SECOND + 1)).alerts == ()
    (alert,) = sky.sees("d1", BURST).alerts
    assert alert.noisy_detector_names == ("d2",)


@pytest.mark.parametrize(("lines", "flagged"), [(23, ("d2",)), (24, ())])
def test_the_latest_24_are_remembered(sky: Sky, lines: int, flagged: tuple[str, ...]) -> None:
    """With a refine window, a sublist cannot hold so many of one detector."""
    sky.tell(Parameters(refine_window_ns=0))
    alarms(sky, 1, 5 * MINUTE)
    sky.now = BURST
    for number in range(lines):
        sky.sees("d2", BURST + number)
    (alert,) = sky.sees("d1", BURST).alerts
    assert alert.noisy_detector_names == flagged


def test_a_line_of_a_neighbouring_sublist_counts(sky: Sky) -> None:
    sky.now = BURST
    sky.sees("d2", BURST - 8 * SECOND)
    sky.sees("d1", BURST + 3 * SECOND)
    (alert,) = sky.sees("d2", BURST + 4 * SECOND).alerts
    assert alert.noisy_detector_names == ("d2",)


def test_what_was_retracted_counts(sky: Sky) -> None:
    alarms(sky, 1, MINUTE)
    sky.retracts("d2", latest="ALL")
    assert burst(sky).noisy_detector_names == ("d2",)


def test_what_was_retracted_from_the_sublist_counts(sky: Sky) -> None:
    burst(sky)
    assert types(sky.retracts("d2", latest=1)) == [("RETRACTION", 0)]
    (alert,) = sky.sees("d2", BURST + 3 * SECOND).alerts
    assert alert.noisy_detector_names == ("d2",)


def test_the_retraction_of_an_alert_does_not_count_what_it_retracts(sky: Sky) -> None:
    burst(sky)
    (retraction,) = sky.retracts("d2", latest=1).alerts
    assert retraction.noisy_detector_names == ()


def test_refinements_repeats_and_redeliveries_are_no_alarms(sky: Sky) -> None:
    sky.now = BURST - 11 * MINUTE
    sky.sees("d2", BURST - 20 * SECOND, uuid="an alarm")
    sky.now = BURST - MINUTE
    sky.sees("d2", BURST - 20 * SECOND, uuid="an alarm")
    sky.sees("d2", BURST - 20 * SECOND, uuid="the same")
    sky.sees("d2", BURST - 20 * SECOND + SECOND // 2, uuid="a refinement")
    assert burst(sky).noisy_detector_names == ()


def test_what_is_over_or_was_retracted_before_it_came_is_no_alarm(sky: Sky) -> None:
    sky.now = BURST - MINUTE
    sky.sees("d2", BURST - 2 * DAY)
    sky.retracts("d2", "early")
    sky.sees("d2", BURST - MINUTE, uuid="early")
    assert burst(sky).noisy_detector_names == ()


@pytest.mark.parametrize("cache", [TEST, PRE_SN])
def test_alarms_of_another_cache_do_not_count(sky: Sky, cache: CacheKey) -> None:
    alarms(sky, 3, MINUTE, cache=cache)
    assert burst(sky).noisy_detector_names == ()
    assert burst(sky, cache=cache).noisy_detector_names == ("d2",)


def test_a_reset_forgets_alarms(sky: Sky) -> None:
    alarms(sky, 3, MINUTE)
    sky.reset(is_test=False)
    assert burst(sky).noisy_detector_names == ()


def test_alarms_of_a_clock_that_was_set_back_count(sky: Sky) -> None:
    alarms(sky, 1, -MINUTE)
    assert burst(sky).noisy_detector_names == ("d2",)


# Who is noisy now


def noisy(sky: Sky, *, is_test: bool = False) -> list[str]:
    return sorted(sky.decider.noisy_detectors(NOON + sky.now, is_test=is_test))


def test_who_would_be_flagged_now(sky: Sky) -> None:
    alarms(sky, 1, 10 * MINUTE)
    sky.now = BURST
    assert (noisy(sky), noisy(sky, is_test=True)) == (["d2"], [])
    sky.now += 1
    assert noisy(sky) == []


def test_a_burst_that_others_see_too_makes_nobody_noisy(sky: Sky) -> None:
    burst(sky)
    assert noisy(sky) == []
    sky.sees("d3", BURST + 12 * SECOND)
    assert noisy(sky) == ["d3"]


def test_what_coincided_once_is_an_alarm_when_it_stands_no_more(sky: Sky) -> None:
    burst(sky)
    sky.retracts("d1", latest=1)
    assert noisy(sky) == ["d1", "d2"]
