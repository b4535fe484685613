"""SPEC section 6, alerts sent alone: what readers are told when the journal is back."""

import pytest

from snews_cs.coincidence.types import AlertType, Disposition
from snews_cs.messages.types import Member, Parameters, SentAlone
from tests.coincidence.sky import HOUR, MINUTE, NOON, PRE_SN, REAL, SECOND, TEST, Sky, names, seconds, sent_alone, types

DAY = 24 * HOUR


def member(name: str, uuid: str | None = None) -> Member:
    return Member(name, NOON, None, uuid or name)


def of_nobody(*members: Member, number: int = 5, revision: int = 1, event_id: str = "of nobody") -> SentAlone:
    """Return an alert of an event that the journal has never had."""
    return SentAlone(
        event_id=event_id,
        is_pre_sn=False,
        sub_list_number=number,
        revision=revision,
        alert_uuid=f"{event_id}, {revision}",
        members=members or (member("d8"), member("d9")),
    )


# An event that stands


def test_an_event_that_stands_is_announced_as_it_stands(sky: Sky) -> None:
    sky.sees("d1", 0, p=0.1)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    sent = sent_alone(initial, revision=3, members=(*initial.members, member("d3")))
    outcome = sky.reconciles(sent)
    (update,) = outcome.alerts
    assert outcome.disposition is Disposition.RECONCILED
    assert (update.alert_type, update.event_id, update.sub_list_number) == (AlertType.UPDATE, initial.event_id, 0)
    assert (update.revision, update.supersedes) == (4, sent.alert_uuid)
    assert (update.members, update.merged_event_ids) == (initial.members, ())
    assert update.sent_time_ns == NOON + sky.now
    assert [(each.number, each.revision) for each in outcome.sublists] == [(0, 4)]


def test_what_comes_next_goes_on_from_there(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    (update,) = sky.reconciles(sent_alone(initial, revision=3)).alerts
    (retraction,) = sky.retracts("d2", "d2").alerts
    assert (retraction.alert_type, retraction.revision) == (AlertType.RETRACTION, 5)
    assert retraction.supersedes == update.alert_uuid
    assert retraction.retracted_detector_names == ("d2",)


def test_of_equal_revisions_the_one_sent_alone_is_superseded(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    sent = sent_alone(initial)
    (update,) = sky.reconciles(sent).alerts
    assert (update.revision, update.supersedes) == (2, sent.alert_uuid)


def test_readers_who_have_a_later_alert_are_told_nothing(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    sky.sees("d3", 4 * SECOND)
    outcome = sky.reconciles(sent_alone(initial))
    assert (outcome.disposition, outcome.alerts, outcome.sublists) == (Disposition.RECONCILED, (), ())


def test_the_very_alert_that_stands_is_no_news(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    assert sky.reconciles(sent_alone(initial, alert_uuid=initial.alert_uuid)).alerts == ()


def test_a_retraction_sent_alone_of_an_event_that_stands_is_taken_back_by_an_update(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    (update,) = sky.reconciles(sent_alone(initial, revision=2, alert_uuid="a RETRACTION")).alerts
    assert (update.alert_type, update.revision, update.supersedes) == (AlertType.UPDATE, 3, "a RETRACTION")
    assert names(update) == ["d1", "d2"]


# An event that does not stand


def test_an_event_that_never_was_is_retracted(sky: Sky) -> None:
    sent = of_nobody(revision=2)
    outcome = sky.reconciles(sent)
    (retraction,) = outcome.alerts
    assert (retraction.alert_type, retraction.event_id) == (AlertType.RETRACTION, "of nobody")
    assert (retraction.revision, retraction.supersedes) == (3, sent.alert_uuid)
    assert (retraction.sub_list_number, retraction.members) == (5, sent.members)
    assert (retraction.retracted_detector_names, retraction.merged_event_ids) == ((), ())
    assert (retraction.cache, retraction.detectors_online) == (REAL, ("d8", "d9"))
    assert (outcome.sublists, sky.sublists()) == ((), {})


def test_an_event_that_has_ended_ends_once_more(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    (retraction,) = sky.retracts("d2", "d2").alerts
    sent = sent_alone(initial, revision=2)
    (again,) = sky.reconciles(sent).alerts
    assert (again.alert_type, again.revision, again.supersedes) == (AlertType.RETRACTION, 3, sent.alert_uuid)
    assert again.alert_uuid != retraction.alert_uuid


def test_an_end_that_readers_were_told_of_is_no_news(sky: Sky) -> None:
    """Two servers that were alone come back at once: the one has journaled meanwhile what the other sent."""
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    sky.retracts("d2", "d2")
    assert sky.reconciles(sent_alone(initial, alert_uuid=initial.alert_uuid)).alerts == ()


@pytest.mark.parametrize(("revision", "expected"), [(1, []), (2, [("UPDATE", 1)])])
def test_a_merger_that_readers_were_told_of_is_no_news(
    sky: Sky, revision: int, expected: list[tuple[str, int]]
) -> None:
    """It counts for readers of earlier revisions: one as high may come after the alert that says merged."""
    sky.sees("d1", 0, uuid="early")
    (initial,) = sky.sees("d2", 5 * SECOND).alerts
    sky.sees("d1", 12 * SECOND)
    sky.sees("d3", 6 * SECOND)
    (merger,) = sky.retracts("d1", "early").alerts
    assert (merger.sub_list_number, merger.merged_event_ids) == (1, (initial.event_id,))
    assert types(sky.reconciles(sent_alone(initial, revision=revision))) == expected


def test_what_is_over_is_over_before_it_is_looked_at(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    sky.now = DAY + MINUTE
    assert types(sky.reconciles(sent_alone(initial, revision=2))) == [("RETRACTION", 0)]
    assert sky.lines() == []


def test_the_rate_of_a_retraction_is_that_of_its_members_whose_lines_are_no_background(sky: Sky) -> None:
    for at in seconds(-100, -200):
        sky.sees("d1", at, uuid="in the alert")
        sky.sees("d1", at - 50 * SECOND)
    sky.beats("d3")
    (retraction,) = sky.reconciles(of_nobody(member("d1", "in the alert"), member("d2"))).alerts
    week_s = 7 * 86_400
    products_of_two = 14 * 1 + 14 * 1 + 1 * 1
    rate = 2 * 10 * products_of_two / week_s**2 * 365.25 * 86_400
    assert retraction.false_alarm_rate_per_year == pytest.approx(rate)


# An event that goes on in another


def test_an_event_whose_detectors_still_coincide_is_merged_and_not_retracted(sky: Sky) -> None:
    """The server alone had heard of d3 before d1, so that its event has another name."""
    sky.sees("d1", 0, uuid="d1")
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    (update,) = sky.reconciles(of_nobody(member("d2"), member("d1"), member("d3"))).alerts
    assert (update.alert_type, update.event_id) == (AlertType.UPDATE, initial.event_id)
    assert (update.revision, update.supersedes) == (2, initial.alert_uuid)
    assert (names(update), update.merged_event_ids) == (["d1", "d2"], ("of nobody",))


def test_one_of_its_observations_and_another_of_a_second_detector_are_enough(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="d1")
    sky.sees("d2", 3 * SECOND, uuid="another")
    assert types(sky.reconciles(of_nobody(member("d1"), member("d2")))) == [("UPDATE", 0)]


def test_other_observations_of_its_detectors_are_another_event(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="another")
    sky.sees("d2", 3 * SECOND, uuid="yet another")
    assert types(sky.reconciles(of_nobody(member("d1"), member("d2")))) == [("RETRACTION", 5)]


def test_a_neighbour_of_its_observation_is_another_event(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="d1")
    sky.sees("d1", 8 * SECOND)
    sky.sees("d2", 12 * SECOND)
    assert types(sky.reconciles(of_nobody(member("d1"), member("d2")))) == [("RETRACTION", 5)]


def test_one_of_its_detectors_alone_is_not_enough(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="d1")
    sky.sees("d2", 3 * SECOND)
    assert types(sky.reconciles(of_nobody(member("d1"), member("d9")))) == [("RETRACTION", 5)]


def test_it_may_go_on_in_a_coincidence_that_was_never_announced(sky: Sky) -> None:
    """What coincides only since a wider window was adopted, silently, is announced when something happens there."""
    sky.sees("d1", 0, uuid="d1")
    sky.sees("d2", 12 * SECOND, uuid="d2")
    sky.tell(Parameters(coincidence_threshold_ns=20 * SECOND))
    assert sky.standing() == []
    (initial,) = sky.reconciles(of_nobody(member("d1"), member("d2"))).alerts
    assert (initial.alert_type, initial.revision, initial.supersedes) == (AlertType.INITIAL, 1, None)
    assert initial.merged_event_ids == ("of nobody",)
    assert len(sky.standing()) == 1


# What an alert sent alone announced as merged


def test_an_event_announced_as_merged_that_stands_is_announced_anew(sky: Sky) -> None:
    sky.sees("d1", 0)
    (initial,) = sky.sees("d2", 3 * SECOND).alerts
    (update,) = sky.reconciles(merged=(initial.event_id, "unknown")).alerts
    assert (update.alert_type, update.revision, update.supersedes) == (AlertType.UPDATE, 2, initial.alert_uuid)
    assert (update.members, update.merged_event_ids) == (initial.members, ())


def test_one_alert_says_all_about_an_event(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="d1")
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    sent = sent_alone(initial, revision=6)
    lost = of_nobody(member("d1"), member("d2"))
    (update,) = sky.reconciles(sent, lost, merged=(initial.event_id,)).alerts
    assert (update.revision, update.supersedes) == (7, sent.alert_uuid)
    assert update.merged_event_ids == ("of nobody",)


# Order, tests, repetition


def test_retractions_go_first_then_the_others_each_by_number(sky: Sky) -> None:
    sky.sees("d1", 0)
    (first,) = sky.sees("d2", 3 * SECOND).alerts
    sky.sees("d1", 100 * SECOND)
    (second,) = sky.sees("d2", 103 * SECOND).alerts
    sky.sees("d1", 0, cache=PRE_SN)
    (other,) = sky.sees("d2", 3 * SECOND, cache=PRE_SN).alerts
    outcome = sky.reconciles(
        sent_alone(second, revision=2),
        sent_alone(other, revision=4),
        of_nobody(number=9, event_id="nine", revision=1),
        sent_alone(first, revision=3),
        sent_alone(other, event_id="four, pre-SN", sub_list_number=4, members=(member("d8"), member("d9"))),
        of_nobody(number=4, event_id="four", revision=2),
    )
    assert [(*each, alert.cache) for each, alert in zip(types(outcome), outcome.alerts, strict=True)] == [
        ("RETRACTION", 4, REAL),
        ("RETRACTION", 4, PRE_SN),
        ("RETRACTION", 9, REAL),
        ("UPDATE", 0, REAL),
        ("UPDATE", 0, PRE_SN),
        ("UPDATE", 1, REAL),
    ]
    assert [alert.sent_time_ns - NOON - sky.now for alert in outcome.alerts] == list(range(6))


def test_of_several_alerts_of_one_event_the_highest_revision_counts(sky: Sky) -> None:
    sent = [of_nobody(member("d7"), member("d8"), revision=revision) for revision in (2, 3, 1)]
    (retraction,) = sky.reconciles(*sent).alerts
    assert (retraction.revision, retraction.supersedes) == (4, "of nobody, 3")


def test_tests_and_real_events_do_not_touch(sky: Sky) -> None:
    sky.sees("d1", 0, cache=TEST)
    (of_test,) = sky.sees("d2", 3 * SECOND, cache=TEST).alerts
    sky.sees("d1", 0)
    (real,) = sky.sees("d2", 3 * SECOND).alerts
    (update,) = sky.reconciles(sent_alone(of_test, revision=2), merged=(real.event_id,), is_test=True).alerts
    assert (update.event_id, update.cache, update.revision) == (of_test.event_id, TEST, 3)
    (retraction,) = sky.reconciles(of_nobody(), is_test=True).alerts
    assert (retraction.alert_type, retraction.cache) == (AlertType.RETRACTION, TEST)


def test_the_second_time_it_says_nothing(sky: Sky) -> None:
    sky.sees("d1", 0, uuid="d1")
    (initial,) = sky.sees("d2", 3 * SECOND, uuid="d2").alerts
    lost = of_nobody(member("d1"), member("d2"), event_id="lost")
    alerts = (sent_alone(initial, revision=3), of_nobody(), lost)
    assert len(sky.reconciles(*alerts).alerts) == 2
    assert sky.reconciles(*alerts).alerts == ()
    sky.retracts("d2", "d2")
    assert sky.reconciles(*alerts).alerts == ()


def test_a_higher_revision_of_another_server_is_answered_again(sky: Sky) -> None:
    (first,) = sky.reconciles(of_nobody(revision=1)).alerts
    (second,) = sky.reconciles(of_nobody(revision=2)).alerts
    assert (first.revision, second.revision, second.supersedes) == (2, 3, "of nobody, 2")
    assert sky.reconciles(of_nobody(revision=1)).alerts == ()
