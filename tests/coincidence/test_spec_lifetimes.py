"""SPEC sections 2 and 3 by name: how observations leave: retractions, the four caches, resets and expiry."""

from dataclasses import replace

import pytest

from snews_cs.coincidence.types import Disposition
from snews_cs.messages.types import HardReset
from tests.coincidence.sky import HOUR, MINUTE, PRE_SN, REAL, SECOND, TEST, Sky, seconds, times, types

DAY = 24 * HOUR

# Retraction


@pytest.mark.parametrize(
    ("late", "disposition"), [(48 * HOUR, Disposition.RETRACTED_BEFORE), (48 * HOUR + 1, Disposition.OPENED)]
)
def test_retraction_waits_forty_eight_hours_inclusive(sky: Sky, late: int, disposition: Disposition) -> None:
    assert sky.retracts("d1", "a").disposition is Disposition.AWAITING
    sky.now += late
    assert sky.sees("d1", sky.now, uuid="a").disposition is disposition


def test_second_retraction_restarts_the_wait(sky: Sky) -> None:
    sky.retracts("d1", "a")
    sky.now += 30 * HOUR
    assert sky.retracts("d1", "a").disposition is Disposition.AWAITING
    sky.now += 30 * HOUR
    assert sky.sees("d1", sky.now, uuid="a").disposition is Disposition.RETRACTED_BEFORE


def test_what_was_retracted_before_is_accepted_and_ends_the_wait(sky: Sky) -> None:
    sky.retracts("d1", "a")
    assert sky.sees("d1", 0, uuid="a").disposition is Disposition.RETRACTED_BEFORE
    assert sky.sublists() == {}
    assert sky.sees("d1", 0, uuid="a").disposition is Disposition.DUPLICATE
    assert sky.retracts("d1", "a").disposition is Disposition.NO_TARGET
    assert sky.sees("d1", 5 * SECOND, uuid="a").disposition is Disposition.OPENED


def test_retraction_waits_only_for_its_detector_and_cache(sky: Sky) -> None:
    sky.retracts("d1", "a")
    assert sky.sees("d2", 0, uuid="a").disposition is Disposition.OPENED
    assert sky.sees("d1", 0, uuid="a", cache=TEST).disposition is Disposition.OPENED
    assert sky.sees("d1", 0, uuid="a", cache=PRE_SN).disposition is Disposition.OPENED
    assert sky.sees("d1", 0, uuid="a").disposition is Disposition.RETRACTED_BEFORE


def test_retraction_withdraws_the_line_that_any_of_its_messages_names(sky: Sky) -> None:
    for uuid in ("opened", "refined", "refined again"):
        sky.sees("d1", 0, p=0.1 * len(uuid), uuid=uuid)
    assert sky.retracts("d1", "opened").lines_gone == (0,)
    assert sky.retracts("d1", "refined").disposition is Disposition.NO_TARGET


def test_retraction_withdraws_every_line_of_a_uuid_used_twice(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.sees("d1", 100 * SECOND, uuid="a")
    sky.sees("d2", 0, uuid="a")
    assert sorted(sky.retracts("d1", "a").lines_gone) == [0, 1]
    assert times(sky) == {0: [0]}


def test_retraction_of_a_uuid_wins_over_a_number(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.sees("d1", 100 * SECOND, uuid="b")
    sky.retracts("d1", "a", latest=1)
    assert times(sky) == {1: seconds(100)}


def test_retraction_by_number_counts_messages_of_live_lines_in_order_of_arrival(sky: Sky) -> None:
    sky.sees("d1", 100 * SECOND, uuid="a")
    sky.now -= 30 * SECOND
    sky.sees("d1", 0, p=0.1, uuid="b")
    sky.sees("d2", 50 * SECOND)
    sky.sees("d1", 0, p=0.2, uuid="c")
    sky.sees("d1", 0, p=0.2, uuid="d")
    sky.sees("d1", 0, p=0.2, uuid="d")
    sky.retracts("d1", latest=3)
    assert times(sky) == {0: seconds(100), 2: seconds(50)}
    sky.retracts("d1", latest=1)
    assert times(sky) == {2: seconds(50)}
    assert sky.retracts("d1", latest=1).disposition is Disposition.NO_TARGET


def test_retraction_of_all(sky: Sky) -> None:
    for at in seconds(0, 5, 200, 300, 400, 500):
        sky.sees("d1", at)
    sky.sees("d2", 3 * SECOND)
    sky.sees("d1", 0, cache=TEST)
    sky.retracts("d1", latest="ALL")
    assert [line.detector_name for line in sky.lines()] == ["d2"]
    assert len(sky.lines(TEST)) == 1
    assert sky.retracts("d1", latest="ALL").disposition is Disposition.NO_TARGET


# The four caches


def test_nothing_crosses_between_caches(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    assert types(sky.sees("d2", 0, cache=TEST)) == []
    assert types(sky.sees("d3", 0, cache=PRE_SN)) == []
    assert sky.sees("d1", 0, uuid="a", cache=TEST).disposition is Disposition.OPENED
    assert [list(sky.sublists(cache)) for cache in (REAL, TEST, PRE_SN)] == [[0], [0], [0]]
    assert sky.standing(REAL) == []
    assert sky.standing(TEST) == [0]


def test_hard_reset_empties_the_caches_of_its_kind_and_numbers_go_on(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a", cache=TEST)
    sky.sees("d2", 0, cache=TEST)
    sky.retracts("d3", "c", cache=TEST)
    sky.sees("d1", 0, uuid="a")
    outcome = sky.reset(is_test=True)
    assert (outcome.disposition, outcome.alerts) == (Disposition.RESET, ())
    assert (sky.sublists(TEST), len(sky.lines())) == ({}, 1)
    assert sky.sees("d1", 0, uuid="a", cache=TEST).disposition is Disposition.OPENED
    assert sky.sees("d3", 0, uuid="c", cache=TEST).disposition is Disposition.OPENED
    assert list(sky.sublists(TEST)) == [1]
    assert [line.line_id for line in sky.lines(TEST)] == [3, 4]
    assert sky.retracts("d2", "message 1", cache=TEST).disposition is Disposition.AWAITING


def test_a_command_that_was_recorded_and_is_sent_again_has_no_effect(sky: Sky) -> None:
    reset = HardReset(detector_name="d1", message_uuid="r", is_test=False)
    assert sky.tell(reset).disposition is Disposition.RESET
    sky.sees("d1", 0)
    sky.sees("d2", 0)
    assert sky.tell(reset).disposition is Disposition.DUPLICATE
    assert sky.tell(replace(reset, detector_name="d2")).disposition is Disposition.DUPLICATE
    assert sky.standing(REAL) == [0]
    assert sky.tell(replace(reset, message_uuid="s")).disposition is Disposition.RESET
    assert sky.standing(REAL) == []


def test_hard_reset_empties_the_pre_supernova_cache_too(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d1", 0, cache=PRE_SN)
    sky.sees("d1", 0, cache=TEST)
    assert sky.reset(is_test=False).lines_gone == (0, 1)
    assert [len(sky.lines(cache)) for cache in (REAL, PRE_SN, TEST)] == [0, 0, 1]


# Expiry


def test_real_observation_leaves_a_day_after_its_neutrino_time(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.now = DAY - 1
    assert sky.beats("d1").lines_gone == ()
    sky.now = DAY
    assert sky.beats("d1").lines_gone == (0,)
    assert sky.sublists() == {}


def test_test_observation_leaves_a_day_after_it_was_last_opened_or_refined(sky: Sky) -> None:
    years = 6 * 365 * DAY
    sky.sees("d1", years, p=0.1, cache=TEST)
    sky.now += HOUR
    sky.sees("d1", years, p=0.2, cache=TEST)
    sky.now += DAY - 1
    assert sky.beats("d1").lines_gone == ()
    sky.now += 1
    assert sky.beats("d1").lines_gone == (0,)


def test_what_is_over_when_it_comes_is_accepted_but_not_cached(sky: Sky) -> None:
    sky.sees("d2", sky.now - DAY + 1)
    assert sky.sees("d1", sky.now - DAY, uuid="a").disposition is Disposition.EXPIRED
    assert [line.detector_name for line in sky.lines()] == ["d2"]
    assert sky.sees("d1", sky.now - DAY, uuid="a").disposition is Disposition.DUPLICATE
    assert sky.retracts("d1", "a").disposition is Disposition.NO_TARGET


def test_expiry_goes_one_observation_at_a_time(sky: Sky) -> None:
    """{0, 9} and {9, 18}: 18 would keep number 0 or 1 for {9}, depending on which of the others leaves first."""
    sky.sees("d1", 18 * SECOND, cache=TEST)
    sky.sees("d2", 0, cache=TEST)
    sky.now += MINUTE
    sky.sees("d3", 9 * SECOND, cache=TEST)
    assert list(sky.sublists(TEST)) == [0, 1]
    sky.now += DAY - MINUTE
    outcome = sky.beats("d1")
    assert (outcome.lines_gone, outcome.sublists_gone) == ((0, 1), ((TEST, 0),))
    assert sky.sublists(TEST) == {1: [("d3", 9 * SECOND)]}


def test_duplicates_and_other_messages_let_expire_too(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.now = DAY
    outcome = sky.sees("d1", 0, uuid="a")
    assert (outcome.disposition, outcome.lines_gone) == (Disposition.DUPLICATE, (0,))
