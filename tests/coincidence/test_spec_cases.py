"""SPEC section 3 by name: the README example, windows, numbers, several messages of one detector."""

import pytest

from snews_cs.coincidence.types import Disposition
from tests.coincidence.sky import HOUR, MINUTE, NOON, REAL, SECOND, TEST, Sky, seconds, times, types

DAY = 24 * HOUR


# The README example


def test_readme_example(sky: Sky) -> None:
    assert types(sky.sees("d1", 0)) == []
    assert types(sky.sees("d2", 9 * SECOND)) == [("INITIAL", 0)]
    assert types(sky.sees("d3", 11 * SECOND)) == [("INITIAL", 1)]
    sky.now += 2 * HOUR
    assert types(sky.sees("d4", 2 * HOUR)) == []
    assert sky.sublists() == {
        0: [("d1", 0), ("d2", 9 * SECOND)],
        1: [("d2", 9 * SECOND), ("d3", 11 * SECOND)],
        2: [("d4", 2 * HOUR)],
    }


def test_earlier_second_message_becomes_the_initial_one_of_the_same_sublist(sky: Sky) -> None:
    sky.sees("d1", 0)
    assert types(sky.sees("d2", -4 * SECOND)) == [("INITIAL", 0)]
    assert sky.sublists() == {0: [("d2", -4 * SECOND), ("d1", 0)]}


# The window


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("apart", "coincide"), [(0, True), (10 * SECOND - 1, True), (10 * SECOND, True), (10 * SECOND + 1, False)]
)
def test_coincidence_window_is_ten_seconds_inclusive(sky: Sky, sign: int, apart: int, coincide: bool) -> None:
    sky.sees("d1", 0)
    assert types(sky.sees("d2", sign * apart)) == ([("INITIAL", 0)] if coincide else [])
    assert len(sky.sublists()) == (1 if coincide else 2)


# Numbers


def test_numbers_are_never_reused(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.retracts("d1", "a")
    assert sky.sublists() == {}
    sky.sees("d1", 0, uuid="b")
    assert list(sky.sublists()) == [1]


def test_a_window_keeps_the_number_of_the_sublist_with_which_it_shares_most(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3", "d4"], seconds(0, 6, 12, 13), strict=True):
        sky.sees(name, at)
    assert times(sky) == {0: seconds(0, 6), 1: seconds(6, 12, 13)}
    sky.sees("d5", 3 * SECOND)
    assert times(sky) == {0: seconds(0, 3, 6), 1: seconds(3, 6, 12, 13)}
    sky.sees("d6", -5 * SECOND)
    assert times(sky) == {0: seconds(0, 3, 6), 1: seconds(3, 6, 12, 13), 2: seconds(-5, 0, 3)}


def test_equal_shares_go_to_the_earliest_window_and_fresh_numbers_in_order_of_time(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d1", 2 * SECOND)
    sky.sees("d2", 10 * SECOND, uuid="b")
    assert times(sky) == {0: seconds(0, 2, 10)}
    sky.sees("d2", round(10.5 * SECOND), uuid="b")
    assert times(sky) == {0: seconds(0, 2), 1: seconds(2, 10.5)}


def test_fresh_numbers_go_in_order_of_time(sky: Sky) -> None:
    for at in seconds(0, 1, 2, 20, 21, 22):
        sky.sees(f"d{at}", at)
    sky.sees("between", round(11.5 * SECOND))
    assert times(sky) == {0: seconds(0, 1, 2), 1: seconds(20, 21, 22), 2: seconds(2, 11.5), 3: seconds(11.5, 20, 21)}


def test_equal_shares_of_two_sublists_go_to_the_lowest_number(sky: Sky) -> None:
    sky.sees("d1", 15 * SECOND)
    sky.sees("d2", 4 * SECOND)
    assert times(sky) == {0: seconds(15), 1: seconds(4)}
    assert sky.sees("d2", 5 * SECOND).sublists_gone == ((REAL, 1),)
    assert times(sky) == {0: seconds(5, 15)}


# Several messages of one detector


@pytest.mark.parametrize(("late", "known"), [(48 * HOUR, True), (48 * HOUR + 1, False)])
def test_rule_1_memory_is_forty_eight_hours_inclusive(sky: Sky, late: int, known: bool) -> None:
    sky.sees("d1", 0, p=0.1, uuid="a", cache=TEST)
    sky.now += late
    expected = Disposition.DUPLICATE if known else Disposition.OPENED
    assert sky.sees("d1", 0, p=0.1, uuid="a", cache=TEST).disposition is expected


def test_rule_1_memory_is_not_prolonged_by_duplicates(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a", cache=TEST)
    sky.now += 40 * HOUR
    assert sky.sees("d1", 0, uuid="a", cache=TEST).disposition is Disposition.DUPLICATE
    sky.now += 9 * HOUR
    assert sky.sees("d1", 0, uuid="a", cache=TEST).disposition is Disposition.OPENED


def test_rule_1_for_a_detector_that_has_one_uuid_for_everything(sky: Sky) -> None:
    moments = [number * MINUTE for number in range(20)]
    for at in moments:
        assert sky.sees("d1", at, uuid="always").disposition is Disposition.OPENED
    sky.now += HOUR
    assert {sky.sees("d1", at, uuid="always").disposition for at in moments} == {Disposition.DUPLICATE}
    assert sky.sees("d1", moments[3], p=0.1, uuid="always").disposition is Disposition.REFINED
    assert sky.sees("d1", moments[3], uuid="always").disposition is Disposition.DUPLICATE
    sky.now += 46 * HOUR
    assert sky.sees("d1", moments[3], p=0.1, uuid="always").disposition is Disposition.DUPLICATE
    assert sky.retracts("d1", "always").disposition is Disposition.NO_TARGET


def test_a_uuid_of_everything_retracts_everything(sky: Sky) -> None:
    for number in range(20):
        sky.sees("d1", number * MINUTE, uuid="always")
    sky.sees("d1", HOUR, uuid="another")
    outcome = sky.retracts("d1", "always")
    assert (outcome.disposition, len(outcome.lines_gone)) == (Disposition.WITHDREW, 20)
    assert [line.message_uuid for line in sky.lines()] == ["another"]


def test_rule_1_late_redelivery_revives_nothing_after_a_retraction(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.retracts("d1", "a")
    assert sky.sees("d1", 0, uuid="a").disposition is Disposition.DUPLICATE
    assert sky.sublists() == {}


def test_rule_1_needs_the_same_time_and_p_value(sky: Sky) -> None:
    sky.sees("d1", 0, p=0.1, uuid="a")
    assert sky.sees("d1", 0, p=0.2, uuid="a").disposition is Disposition.REFINED
    assert sky.sees("d1", 20 * SECOND, p=0.1, uuid="a").disposition is Disposition.OPENED
    assert sky.sees("d1", 0, p=0.1, uuid="a").disposition is Disposition.DUPLICATE


@pytest.mark.parametrize("p_value", [None, 0.0, 0.25, 1])
def test_rule_2_equal_to_a_live_observation_joins_its_line(sky: Sky, p_value: float | None) -> None:
    sky.sees("d1", 0, p=p_value, uuid="a")
    outcome = sky.sees("d1", 0, p=p_value, uuid="b")
    assert (outcome.disposition, outcome.lines, outcome.sublists) == (Disposition.REPEATED, (), ())
    assert [line.message_uuid for line in sky.lines()] == ["a"]
    assert sky.retracts("d1", "b").disposition is Disposition.WITHDREW
    assert sky.sublists() == {}


def test_rule_2_repeat_shows_in_no_later_outcome(sky: Sky) -> None:
    """The sublist of the repeated observation is looked at again, but nothing in it has changed."""
    sky.sees("d1", 5 * SECOND)
    sky.sees("d1", 8 * SECOND)
    sky.sees("d1", 8 * SECOND)
    outcome = sky.sees("d2", -3 * SECOND)
    assert times(sky) == {0: seconds(5, 8), 1: seconds(-3, 5)}
    assert [sublist.number for sublist in outcome.sublists] == [1]


def test_rule_2_does_not_prolong_a_test_observation(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a", cache=TEST)
    sky.now += DAY - 1
    assert sky.sees("d1", 0, uuid="b", cache=TEST).disposition is Disposition.REPEATED
    sky.now += 1
    sky.beats("d1")
    assert sky.lines(TEST) == []


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("away", "disposition"),
    [(1, Disposition.REFINED), (SECOND, Disposition.REFINED), (SECOND + 1, Disposition.OPENED)],
)
def test_rule_3_refines_within_one_second_of_the_anchor_inclusive(
    sky: Sky, sign: int, away: int, disposition: Disposition
) -> None:
    sky.sees("d1", 0, p=0.5)
    assert sky.sees("d1", sign * away, p=0.1).disposition is disposition


def test_rule_3_time_and_p_value_become_the_new_ones(sky: Sky) -> None:
    (opened,) = sky.sees("d1", 0, p=0.5, uuid="a").lines
    sky.now += SECOND
    (refined,) = sky.sees("d1", SECOND // 2, p=None, uuid="b").lines
    assert refined.line_id == opened.line_id
    assert (refined.neutrino_time_ns - NOON, refined.p_value, refined.message_uuid) == (SECOND // 2, None, "b")
    assert refined.received_ns - opened.received_ns == SECOND
    assert refined.expires_ns - opened.expires_ns == SECOND // 2


def test_rule_3_nearest_anchor(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d1", round(1.5 * SECOND))
    sky.sees("d1", SECOND, p=0.1)
    assert [(line.line_id, line.p_value) for line in sky.lines()] == [(0, None), (1, 0.1)]


def test_rule_3_nearest_anchor_then_the_earliest(sky: Sky) -> None:
    sky.sees("d1", 2 * SECOND, p=0.1, uuid="later")
    sky.sees("d1", 0, p=0.2, uuid="earlier")
    sky.sees("d1", SECOND + 1, p=0.3)
    assert times(sky) == {0: [0, SECOND + 1]}
    sky.sees("d1", 2 * SECOND, p=0.4)
    sky.sees("d1", SECOND, p=0.5)
    assert times(sky) == {0: seconds(1, 2)}
    assert [(line.p_value, line.line_id) for line in sky.lines()] == [(0.5, 1), (0.4, 0)]
