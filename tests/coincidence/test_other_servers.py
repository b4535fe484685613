"""What other coincidence servers got wrong, one test each."""

from itertools import pairwise

from snews_cs.coincidence.types import Disposition
from tests.coincidence.sky import HOUR, NOON, REAL, SECOND, Sky, names, seconds, times, types

DAY = 24 * HOUR


def test_a_detector_that_reported_22_hours_ago_is_not_deaf_to_the_burst(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.now = 22 * HOUR
    sky.sees("d2", 22 * HOUR)
    (alert,) = sky.sees("d1", 22 * HOUR + SECOND).alerts
    assert names(alert) == ["d2", "d1"]


def test_a_detector_that_reported_8_seconds_ago_is_not_deaf_to_the_burst(sky: Sky) -> None:
    """d1 cried wolf at 0; d2 and d1 see the burst at 11 s and 8 s: its second message is what coincides."""
    sky.sees("d1", 0)
    sky.sees("d1", 8 * SECOND)
    (alert,) = sky.sees("d2", 11 * SECOND).alerts
    assert [(member.detector_name, member.neutrino_time_ns - NOON) for member in alert.members] == [
        ("d1", 8 * SECOND),
        ("d2", 11 * SECOND),
    ]


def test_equal_neutrino_times_coincide(sky: Sky) -> None:
    sky.sees("d1", 0)
    (alert,) = sky.sees("d2", 0).alerts
    assert names(alert) == ["d1", "d2"]
    (alert,) = sky.sees("d0", 0).alerts
    assert names(alert) == ["d0", "d1", "d2"]
    assert list(sky.sublists()) == [0]


def test_a_second_message_four_seconds_earlier_joins_and_leads(sky: Sky) -> None:
    sky.sees("d1", 0)
    (alert,) = sky.sees("d2", -4 * SECOND).alerts
    assert (alert.sub_list_number, names(alert)) == (0, ["d2", "d1"])
    assert alert.members[0].neutrino_time_ns == NOON - 4 * SECOND


def test_an_earlier_message_may_split_what_it_leads(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 8 * SECOND)
    assert types(sky.sees("d3", -4 * SECOND)) == [("INITIAL", 1)]
    assert times(sky) == {0: seconds(0, 8), 1: seconds(-4, 0)}


def test_refinements_never_walk_away(sky: Sky) -> None:
    """Steps of 0.9 s: the first refines, the next is more than a second from the anchor and opens a line."""
    steps = [round(0.9 * SECOND * step) for step in range(12)]
    outcomes = [sky.sees("d1", at, p=0.1) for at in steps]
    assert {outcome.alerts for outcome in outcomes} == {()}
    refined = [outcome.disposition is Disposition.REFINED for outcome in outcomes]
    assert refined == [False, True] * 6
    anchors = [at for at, was_refined in zip(steps, refined, strict=True) if not was_refined]
    ends = [line.neutrino_time_ns - NOON for line in sky.lines()]
    assert all(abs(end - anchor) <= SECOND for end, anchor in zip(ends, anchors, strict=True))
    assert all(later - earlier > SECOND for earlier, later in pairwise(anchors))


def test_a_refined_observation_still_coincides_with_what_it_coincided_with(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 5 * SECOND)
    for step in range(1, 8):
        sky.sees("d1", -step * SECOND, p=0.1)
        assert any({"d1", "d2"} <= {name for name, _ in members} for members in sky.sublists().values())
    assert sky.standing()


def test_a_merge_publishes_no_retraction(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 9, 10.5), strict=True):
        sky.sees(name, at)
    assert sky.standing() == [0, 1]
    outcome = sky.sees("d3", 10 * SECOND)
    assert types(outcome) == [("UPDATE", 0)]
    assert len(outcome.alerts[0].merged_event_ids) == 1
    assert sky.standing() == [0]


def test_a_retraction_that_leaves_one_detector_ends_the_event(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 3 * SECOND, uuid="wolf")
    assert types(sky.retracts("d2", "wolf")) == [("RETRACTION", 0)]
    assert sky.sublists() == {0: [("d1", 0)]}


def test_a_retraction_that_leaves_none_says_nothing_more(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.sees("d2", 3 * SECOND, uuid="b")
    sky.retracts("d1", "a")
    outcome = sky.retracts("d2", "b")
    assert (outcome.alerts, outcome.sublists_gone) == ((), ((REAL, 0),))
    assert sky.sublists() == {}


def test_a_retraction_that_hits_a_member_of_two_sublists(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 9 * SECOND, uuid="both")
    sky.sees("d3", 11 * SECOND)
    outcome = sky.retracts("d2", "both")
    assert types(outcome) == [("RETRACTION", 0), ("RETRACTION", 1)]
    assert [alert.retracted_detector_names for alert in outcome.alerts] == [("d2",), ("d2",)]
    assert sky.sublists() == {0: [("d1", 0)], 1: [("d3", 11 * SECOND)]}


def test_a_retraction_that_leaves_two_is_an_update(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 1, 2), strict=True):
        sky.sees(name, at, uuid=name)
    (update,) = sky.retracts("d1", "d1").alerts
    assert (str(update.alert_type), names(update)) == ("UPDATE", ["d2", "d3"])
    assert update.retracted_detector_names == ("d1",)


def test_ids_are_not_unique(sky: Sky) -> None:
    """Every client sends the id ``JUNO_CoincidenceTier_None``, and two detectors the same uuid."""
    assert sky.sees("d1", 0, uuid="None").disposition is Disposition.OPENED
    assert types(sky.sees("d2", 3 * SECOND, uuid="None")) == [("INITIAL", 0)]
    assert sky.sees("d1", 100 * SECOND, uuid="None").disposition is Disposition.OPENED
    assert sky.sees("d1", 0, uuid="None").disposition is Disposition.DUPLICATE
    assert types(sky.retracts("d2", "None")) == [("RETRACTION", 0)]
    assert times(sky) == {0: [0], 1: seconds(100)}


def test_a_repeat_publishes_nothing(sky: Sky) -> None:
    sky.sees("d1", 0, p=0.1, uuid="a")
    sky.sees("d2", 3 * SECOND, p=0.2, uuid="b")
    for uuid in ("a", "c", "d"):
        sky.now += HOUR
        assert sky.sees("d1", 0, p=0.1, uuid=uuid).alerts == ()
    assert [sublist.revision for sublist in sky.decider.caches[REAL].sublists()] == [1]


def test_expiry_publishes_nothing(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 9, 11), strict=True):
        sky.sees(name, at)
    for left in (*seconds(0, 9, 11), HOUR):
        sky.now = DAY + left
        assert sky.beats("d1").alerts == ()
    assert sky.sublists() == {}
