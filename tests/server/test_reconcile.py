"""What is to be journaled so that readers of alerts sent alone are put right, by what they heard and what they read."""

from dataclasses import replace

import pytest

from snews_cs.coincidence.types import Alert, AlertType, CacheKey, Disposition, Outcome
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Member, Reconcile, Verdict
from snews_cs.server.reconcile import Readers
from snews_cs.storage.entry import Entry
from tests.server.conftest import START

MEMBERS = (Member("JUNO", START, None, "j"), Member("XENONnT", START + 1, 0.1, "x"))


def alert(
    name: str, revision: int = 1, *, text: str = "", is_test: bool = False, merged: tuple[str, ...] = ()
) -> Alert:
    """Return an alert of the event of that name; another ``text`` is another alert."""
    return Alert(
        alert_type=AlertType.UPDATE if revision > 1 else AlertType.INITIAL,
        cache=CacheKey(is_test=is_test, is_pre_sn=False),
        sub_list_number=3,
        event_id=name,
        revision=revision,
        supersedes=None,
        alert_uuid=f"{name} {revision} {text}",
        members=MEMBERS,
        retracted_detector_names=(),
        merged_event_ids=merged,
        false_alarm_rate_per_year=0.1,
        detectors_online=("JUNO", "XENONnT"),
        sent_time_ns=START,
    )


def entry(*alerts: Alert, reconciled: Reconcile | None = None) -> Entry:
    """Return an entry of which these alerts came."""
    disposition = Disposition.OPENED if reconciled is None else Disposition.RECONCILED
    return Entry(
        sequence=1,
        key="",
        received_ns=START,
        raw=RawMessage("", -1, -1, -1, (), None),
        message=reconciled,
        verdict=Verdict(),
        outcome=Outcome(disposition=disposition, alerts=alerts),
        writer="",
        attempt="",
        claim="",
        published=True,
    )


def refused() -> Entry:
    """Return an entry that was quarantined."""
    return replace(entry(), outcome=None, verdict=Verdict(reason="junk"))


def reconciliations(spooled: list[Entry], journaled: list[Entry]) -> list[Reconcile]:
    """Return what is to be journaled; the same, in whatever order it is heard and read."""
    readers = Readers()
    readers.hear(spooled)
    readers.read(journaled)
    found = readers.reconciliations()
    other = Readers()
    for each in reversed(journaled):
        other.read([each])
    for each in spooled:
        other.hear([each])
    assert other.reconciliations() == found
    return found


def found(spooled: list[Entry], journaled: list[Entry]) -> list[tuple[bool, list[str], list[str]]]:
    """Return of each reconciliation whether it is of tests, its alerts by uuid, and its merged events."""
    return [
        (each.is_test, [sent.alert_uuid for sent in each.alerts], list(each.merged))
        for each in reconciliations(spooled, journaled)
    ]


def reconciled(*alerts: Alert, merged: tuple[str, ...] = ()) -> Entry:
    """Return the entry of a reconciliation of these alerts, as another server wrote it, that told readers nothing."""
    (message,) = reconciliations([entry(*alerts)], []) or [Reconcile(is_test=False, alerts=())]
    return entry(reconciled=replace(message, merged=merged or message.merged))


def test_nothing_was_sent() -> None:
    assert found([], []) == []
    assert found([refused(), entry()], [entry(alert("a"))]) == []


def test_what_the_journal_holds_is_right() -> None:
    alerts = [alert("a"), alert("a", 2), alert("b", merged=("c",))]
    assert found([entry(*alerts[:2]), entry(alerts[2])], [refused(), *map(entry, alerts)]) == []


def test_what_it_does_not_hold_is_told() -> None:
    sent = alert("a", 2)
    (message,) = reconciliations([entry(sent)], [entry(alert("b"))])
    (only,) = message.alerts
    assert (message.is_test, message.merged) == (False, ())
    assert (only.event_id, only.is_pre_sn, only.sub_list_number, only.revision) == ("a", False, 3, 2)
    assert (only.alert_uuid, only.members) == (sent.alert_uuid, MEMBERS)


def test_of_each_event_the_last_alert_counts() -> None:
    spooled = [entry(alert("a")), entry(alert("b"), alert("a", 2)), entry(alert("a", 3))]
    assert found(spooled, []) == [(False, ["a 3 ", "b 1 "], [])]


@pytest.mark.parametrize(("journaled", "is_told"), [(1, True), (2, True), (3, False)])
def test_readers_go_by_the_highest_revision(journaled: int, is_told: bool) -> None:
    found_here = found([entry(alert("a", 2, text="alone"))], [entry(alert("a", journaled, text="journaled"))])
    assert found_here == ([(False, ["a 2 alone"], [])] if is_told else [])


def test_tests_and_real_ones_are_told_apart() -> None:
    spooled = [entry(alert("t", is_test=True, merged=("s",))), entry(alert("r", merged=("q",)))]
    assert found(spooled, []) == [(False, ["r 1 "], ["q"]), (True, ["t 1 "], ["s"])]
    assert found(spooled[:1], []) == [(True, ["t 1 "], ["s"])]


def test_events_that_were_said_to_be_merged_are_told_even_if_the_alert_is_outdated() -> None:
    spooled = [entry(alert("a", 2, text="alone", merged=("c", "b")))]
    assert found(spooled, [entry(alert("a", 3))]) == [(False, [], ["b", "c"])]


def test_what_another_server_reconciled_is_told_once() -> None:
    sent = alert("a", 2, merged=("b",))
    assert found([entry(sent)], [reconciled(sent)]) == []


def test_a_later_alert_than_another_server_reconciled_is_told() -> None:
    assert found([entry(alert("a", 3))], [reconciled(alert("a", 2))]) == [(False, ["a 3 "], [])]


def test_another_alert_of_the_same_revision_was_put_right_with_the_other_servers() -> None:
    assert found([entry(alert("a", 2, text="ours"))], [reconciled(alert("a", 2, text="theirs"))]) == []


def test_what_readers_know_does_not_grow_less() -> None:
    """Another server reconciled what was outdated: readers of revision 4 still know better than ours of revision 3."""
    journaled = [entry(alert("a", 4)), reconciled(alert("a", 1))]
    assert found([entry(alert("a", 3))], journaled) == []


def test_only_what_is_new_of_what_was_merged_is_told() -> None:
    spooled = [entry(alert("a", merged=("b", "c")))]
    journaled = [reconciled(alert("x"), merged=("b",)), entry(alert("a", 2))]
    assert found(spooled, journaled) == [(False, [], ["c"])]


def test_telling_ends() -> None:
    """Whoever journals what is found until nothing is finds nothing soon."""
    spooled = [entry(alert("a", 2, merged=("b",)), alert("t", is_test=True)), entry(alert("c", merged=("a",)))]
    journaled: list[Entry] = [entry(alert("b", 2))]
    for _ in range(2):
        journaled.append(entry(reconciled=reconciliations(spooled, journaled)[0]))
    assert reconciliations(spooled, journaled) == []
