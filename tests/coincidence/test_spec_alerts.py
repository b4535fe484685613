"""SPEC section 4 by name: each row of its table, and what an alert says."""

from snews_cs.coincidence.types import AlertType, CacheKey
from tests.coincidence.sky import HOUR, MINUTE, NOON, PRE_SN, REAL, SECOND, TEST, Sky, names, seconds, times, types

DAY = 24 * HOUR


# The table, row by row


def test_two_different_detectors_make_an_initial_alert(sky: Sky) -> None:
    assert sky.sees("d1", 0).alerts == ()
    assert types(sky.sees("d2", 3 * SECOND)) == [("INITIAL", 0)]
    assert sky.standing() == [0]


def test_one_detector_alone_never_alerts(sky: Sky) -> None:
    for at in seconds(0, 0.5, 3, 6, 9, 9.5):
        assert sky.sees("d1", at).alerts == ()


def test_a_third_detector_makes_an_update(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 3 * SECOND)
    assert types(sky.sees("d3", 5 * SECOND)) == [("UPDATE", 0)]


def test_a_changed_time_or_p_value_of_a_member_makes_an_update(sky: Sky) -> None:
    sky.sees("d1", 0, p=0.1)
    sky.sees("d2", 3 * SECOND)
    assert types(sky.sees("d1", 0, p=0.2)) == [("UPDATE", 0)]
    assert types(sky.sees("d1", 1, p=0.2)) == [("UPDATE", 0)]
    assert types(sky.sees("d1", 1, p=None)) == [("UPDATE", 0)]


def test_an_earlier_observation_of_a_member_makes_an_update_and_a_later_one_nothing(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 3 * SECOND)
    assert types(sky.sees("d2", 6 * SECOND)) == []
    assert types(sky.sees("d2", -2 * SECOND)) == [("UPDATE", 0)]


def test_a_refinement_that_pulls_two_apart_makes_a_retraction(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 10 * SECOND)
    outcome = sky.sees("d2", 10 * SECOND + 1)
    assert types(outcome) == [("RETRACTION", 0)]
    assert outcome.alerts[0].retracted_detector_names == ()
    assert sky.standing() == []


def test_a_retraction_that_leaves_one_detector_makes_a_retraction(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND, p=0.3).alerts
    (retraction,) = sky.retracts("d2", latest=1).alerts
    assert retraction.alert_type is AlertType.RETRACTION
    assert retraction.members == initial.members
    assert (retraction.revision, retraction.supersedes) == (2, initial.alert_uuid)
    assert retraction.retracted_detector_names == ("d2",)
    assert times(sky) == {0: [0]}


def test_an_ended_event_is_over_and_the_next_coincidence_is_a_new_one(sky: Sky) -> None:
    sky.sees("d1", 0)
    (first,) = sky.sees("d2", 3 * SECOND).alerts
    sky.retracts("d2", latest=1)
    (second,) = sky.sees("d2", 4 * SECOND).alerts
    assert (second.alert_type, second.sub_list_number, second.revision) == (AlertType.INITIAL, 0, 1)
    assert second.event_id != first.event_id
    assert second.supersedes is None


def test_a_lost_sublist_is_merged_into_another_that_still_holds_two_of_its_detectors(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 9, 11), strict=True):
        sky.sees(name, at, uuid=name)
    lost, heir = [sublist.event_id for sublist in sky.decider.caches[REAL].sublists()]
    outcome = sky.sees("d3", 10 * SECOND)
    assert times(sky) == {0: seconds(0, 9, 10)}
    assert types(outcome) == [("UPDATE", 0)]
    assert (outcome.alerts[0].event_id, outcome.alerts[0].merged_event_ids) == (lost, (heir,))


def test_a_merge_publishes_an_update_even_if_the_members_did_not_change(sky: Sky) -> None:
    """Without d3 at 16 s, what is left of its sublist lies within the first."""
    sky.sees("d1", 0)
    sky.sees("d2", 6 * SECOND)
    sky.sees("d1", 9 * SECOND)
    sky.sees("d3", 16 * SECOND, uuid="x")
    assert times(sky) == {0: seconds(0, 6, 9), 1: seconds(6, 9, 16)}
    lost = sky.decider.caches[REAL].sublists()[1].event_id
    (update,) = sky.retracts("d3", "x").alerts
    assert (update.alert_type, update.sub_list_number, update.revision) == (AlertType.UPDATE, 0, 2)
    assert (update.merged_event_ids, update.retracted_detector_names) == ((lost,), ())


def test_an_heir_may_begin_two_windows_before_the_change(sky: Sky) -> None:
    """{d1 0, d2 9, d3 9.5} holds d2 and d3 of {d2 9, d3 9.5, d4 19}; it begins 19 s before what was retracted."""
    for name, at in zip(["d1", "d2", "d3", "d4"], seconds(0, 9, 9.5, 19), strict=True):
        sky.sees(name, at, uuid=name)
    (kept, lost) = sky.decider.caches[REAL].sublists()
    outcome = sky.retracts("d4", "d4")
    assert types(outcome) == [("UPDATE", 0)]
    assert (outcome.alerts[0].event_id, outcome.alerts[0].merged_event_ids) == (kept.event_id, (lost.event_id,))


def test_of_several_heirs_the_one_with_most_detectors(sky: Sky) -> None:
    """What d5 leaves is inside sublist 1, and overlaps sublist 0 in two of its three."""
    for name, at in zip(["d6", "d7", "d2", "d3", "d4", "d5"], seconds(3.2, 4, 12.5, 13, 14, 22), strict=True):
        sky.sees(name, at)
    assert times(sky) == {0: seconds(3.2, 4, 12.5, 13), 1: seconds(4, 12.5, 13, 14), 2: seconds(12.5, 13, 14, 22)}
    (update,) = sky.retracts("d5", latest=1).alerts
    assert (update.sub_list_number, len(update.merged_event_ids)) == (1, 1)


def test_of_several_heirs_with_as_many_detectors_the_lowest_number(sky: Sky) -> None:
    for name, at in zip(["d4", "d7", "d2", "d3", "d4", "d5"], seconds(3.2, 4, 12.5, 13, 14, 22), strict=True):
        sky.sees(name, at)
    assert times(sky) == {0: seconds(3.2, 4, 12.5, 13), 1: seconds(4, 12.5, 13, 14), 2: seconds(12.5, 13, 14, 22)}
    (update,) = sky.retracts("d5", latest=1).alerts
    assert (update.sub_list_number, len(update.merged_event_ids)) == (0, 1)


def test_an_heir_holds_an_observation_of_the_lost_sublist(sky: Sky) -> None:
    """Without d2 at 9 s nothing ties the second coincidence of d1 and d2 to the first."""
    for name, at in zip(["d1", "d2", "d1", "d2"], seconds(0, 9, 10.5, 11), strict=True):
        sky.sees(name, at, uuid=f"{name} at {at}")
    assert times(sky) == {0: seconds(0, 9), 1: seconds(9, 10.5, 11)}
    outcome = sky.retracts("d2", f"d2 at {9 * SECOND}")
    assert types(outcome) == [("RETRACTION", 0), ("UPDATE", 1)]
    assert outcome.alerts[1].merged_event_ids == ()


def test_several_lost_sublists_may_merge_into_one(sky: Sky) -> None:
    """One message retracts two observations of d4, without which both their sublists lie within a third."""
    for name, at in zip(["d1", "d2", "d3", "d5"], seconds(1, 5, 6, 10.5), strict=True):
        sky.sees(name, at)
    for at in seconds(-4, 15):
        sky.sees("d4", at, uuid="twice")
    assert times(sky) == {0: seconds(1, 5, 6, 10.5), 1: seconds(-4, 1, 5, 6), 2: seconds(5, 6, 10.5, 15)}
    lost = tuple(sublist.event_id for sublist in sky.decider.caches[REAL].sublists()[1:])
    (update,) = sky.retracts("d4", "twice").alerts
    assert (update.alert_type, update.sub_list_number, update.merged_event_ids) == (AlertType.UPDATE, 0, lost)


def test_a_merge_into_a_sublist_without_an_alert_is_its_initial(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d1", 2 * SECOND)
    (initial,) = sky.sees("d2", 10 * SECOND).alerts
    outcome = sky.sees("d2", round(10.5 * SECOND))
    assert times(sky) == {0: seconds(0, 2), 1: seconds(2, 10.5)}
    assert types(outcome) == [("INITIAL", 1)]
    assert outcome.alerts[0].merged_event_ids == (initial.event_id,)
    assert outcome.alerts[0].event_id != initial.event_id
    assert sky.standing() == [1]


def test_retractions_go_first_then_the_others_each_by_number(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", SECOND)
    sky.sees("d3", 2 * SECOND)
    for at in seconds(100, 200):
        sky.sees("d4", at)
        sky.sees("d3", at)
    outcome = sky.retracts("d3", latest="ALL")
    assert types(outcome) == [("RETRACTION", 1), ("RETRACTION", 2), ("UPDATE", 0)]
    assert [alert.sent_time_ns - NOON - sky.now for alert in outcome.alerts] == [0, 1, 2]


def test_alerts_go_in_order_of_number_not_of_time(sky: Sky) -> None:
    sky.sees("d1", 15 * SECOND)
    sky.sees("d2", 0)
    assert types(sky.sees("d3", 8 * SECOND)) == [("INITIAL", 0), ("INITIAL", 1)]
    assert times(sky) == {0: seconds(8, 15), 1: seconds(0, 8)}


def test_one_message_is_one_change(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 5 * SECOND, uuid="a")
    sky.sees("d2", 8 * SECOND, uuid="a")
    outcome = sky.retracts("d2", "a")
    assert types(outcome) == [("RETRACTION", 0)]
    assert outcome.alerts[0].retracted_detector_names == ("d2",)


def test_expiry_closes_silently_and_never_merges(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", 9 * SECOND)
    sky.sees("d3", 11 * SECOND)
    sky.now = DAY + 10 * SECOND
    outcome = sky.beats("d1")
    assert (outcome.alerts, sky.standing()) == ((), [])
    assert types(sky.sees("d4", 12 * SECOND)) == [("INITIAL", 1)]


def test_expiry_of_a_member_is_no_reason_for_an_update(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 1, 2), strict=True):
        sky.sees(name, at)
    sky.now = DAY
    assert sky.beats("d1").alerts == ()
    assert sky.sees("d2", 6 * SECOND).alerts == ()
    (update,) = sky.sees("d4", 3 * SECOND).alerts
    assert (names(update), update.revision) == (["d2", "d3", "d4"], 3)


def test_a_retraction_lists_the_members_last_published_even_if_one_expired(sky: Sky) -> None:
    for name, at in zip(["d1", "d2", "d3"], seconds(0, 1, 2), strict=True):
        sky.sees(name, at)
    sky.now = DAY
    (retraction,) = sky.retracts("d2", latest=1).alerts
    assert (names(retraction), retraction.retracted_detector_names) == (["d1", "d2", "d3"], ("d2",))


# What an alert says


def test_members_are_each_detectors_earliest_by_time_then_name(sky: Sky) -> None:
    sky.sees("zebra", 0, p=0.3)
    sky.sees("zebra", 2 * SECOND)
    sky.sees("ant", 5 * SECOND, p=0.1, uuid="a")
    (alert,) = sky.sees("ant", 0, p=0.2, uuid="b").alerts
    assert [tuple(member) for member in alert.members] == [("ant", NOON, 0.2, "b"), ("zebra", NOON, 0.3, "message 0")]


def test_equal_times_of_one_detector_go_to_the_line_opened_first(sky: Sky) -> None:
    """Lines with anchors at 0 and 2 s, both refined to 1 s."""
    sky.sees("d1", 2 * SECOND, p=0.1, uuid="first")
    sky.sees("d1", SECOND, p=0.2, uuid="first refined")
    sky.sees("d1", 0, p=0.3, uuid="second")
    sky.sees("d1", SECOND, p=0.4, uuid="second refined")
    assert [line.line_id for line in sky.lines()] == [0, 1]
    (alert,) = sky.sees("d2", SECOND).alerts
    assert alert.members[0].message_uuid == "first refined"


def test_revisions_count_up_and_name_what_they_supersede(sky: Sky) -> None:
    sky.sees("d1", 0)
    (one,) = sky.sees("d2", 0).alerts
    (two,) = sky.sees("d3", 0).alerts
    (three,) = sky.retracts("d3", latest=1).alerts
    assert [alert.revision for alert in (one, two, three)] == [1, 2, 3]
    assert [alert.supersedes for alert in (one, two, three)] == [None, one.alert_uuid, two.alert_uuid]
    assert len({alert.event_id for alert in (one, two, three)}) == 1
    assert len({alert.alert_uuid for alert in (one, two, three)}) == 3
    assert (names(three), three.retracted_detector_names) == (["d1", "d2"], ("d3",))


def test_a_member_replaced_by_its_own_later_observation_was_retracted_too(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", SECOND, uuid="a")
    sky.sees("d2", 4 * SECOND, uuid="b")
    (update,) = sky.retracts("d2", "a").alerts
    assert (names(update), update.retracted_detector_names) == (["d1", "d2"], ("d2",))


def test_the_same_members_at_another_time_are_another_event(sky: Sky) -> None:
    events = set()
    for _ in range(3):
        sky.sees("d1", 0, uuid="a", cache=TEST)
        events.add(sky.sees("d2", 0, uuid="b", cache=TEST).alerts[0].event_id)
        sky.reset(is_test=True)
    assert len(events) == 3


def test_alerts_belong_to_their_cache(sky: Sky) -> None:
    for cache in (REAL, TEST, PRE_SN):
        sky.sees("d1", 0, cache=cache)
        (alert,) = sky.sees("d2", 0, cache=cache).alerts
        assert (alert.cache, alert.sub_list_number) == (cache, 0)


# False alarms, SPEC section 5


def test_detectors_online_are_those_with_a_young_heartbeat_and_the_members(sky: Sky) -> None:
    sky.beats("young")
    sky.beats("off")
    sky.beats("off", "OFF")
    sky.beats("test", is_test=True)
    sky.now += 10 * MINUTE - 1
    sky.sees("d2", 0)
    (alert,) = sky.sees("d1", 0).alerts
    assert alert.detectors_online == ("d1", "d2", "young")
    sky.now += 1
    (alert,) = sky.sees("d3", 0).alerts
    assert alert.detectors_online == ("d1", "d2", "d3")


def test_a_clock_set_back_does_not_take_detectors_offline(sky: Sky) -> None:
    sky.beats("d3")
    sky.now -= HOUR
    sky.sees("d1", -HOUR)
    assert sky.sees("d2", -HOUR).alerts[0].detectors_online == ("d1", "d2", "d3")


def online(sky: Sky, cache: CacheKey = REAL) -> tuple[str, ...]:
    """Return who is online when "x" and "y", who know nothing of the others, coincide; they are left out."""
    at = -5 * HOUR - sky.said * MINUTE
    sky.sees("x", at, cache=cache)
    (alert,) = sky.sees("y", at, cache=cache).alerts
    return tuple(name for name in alert.detectors_online if name not in "xy")


def test_an_observation_counts_as_a_heartbeat_of_its_detector(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.sees("d2", HOUR // 60, cache=PRE_SN)
    sky.now += 10 * MINUTE - 1
    assert online(sky) == ("d1", "d2")
    sky.now += 1
    assert online(sky) == ()


def test_an_observation_says_on_until_the_next_heartbeat_says_off(sky: Sky) -> None:
    sky.beats("d1", "OFF")
    sky.sees("d1", 0)
    assert online(sky) == ("d1",)
    sky.beats("d1", "OFF")
    assert online(sky) == ()


def test_observations_of_tests_are_beats_of_tests_only(sky: Sky) -> None:
    sky.sees("d1", 0, cache=TEST)
    assert (online(sky), online(sky, TEST)) == ((), ("d1",))
    sky.sees("d2", 0)
    assert (online(sky), online(sky, TEST)) == (("d2",), ("d1",))


def test_what_has_no_effect_is_no_beat(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="a")
    sky.retracts("d2", "b")
    sky.now += 10 * MINUTE
    sky.sees("d1", 0, uuid="a")
    sky.sees("d2", 0, uuid="b")
    sky.retracts("d1", "a")
    assert online(sky) == ()


def test_what_comes_late_is_a_beat_when_it_comes(sky: Sky) -> None:
    sky.sees("d1", 0)
    sky.now += 10 * MINUTE
    sky.sees("d1", 0)
    sky.sees("d2", -HOUR)
    sky.sees("d3", -30 * HOUR)
    assert online(sky) == ("d1", "d2", "d3")


def test_who_leaves_an_event_is_online_by_the_very_message(sky: Sky) -> None:
    for number, at in enumerate(seconds(0, 5, 10), 1):
        sky.sees(f"d{number}", at)
    sky.now += HOUR
    update, initial = sky.sees("d3", 11 * SECOND).alerts
    assert (names(update), update.detectors_online) == (["d1", "d2"], ("d1", "d2", "d3"))
    assert (names(initial), initial.detectors_online) == (["d2", "d3"], ("d2", "d3"))
