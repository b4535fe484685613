"""What readers believe because of alerts sent alone, and the journal does not say (SPEC section 6)."""

from collections.abc import Iterable

from snews_cs.coincidence.types import Alert
from snews_cs.messages.types import Reconcile, SentAlone
from snews_cs.storage.entry import Entry


def reconciliations(spooled: Iterable[Entry], journaled: Iterable[Entry]) -> list[Reconcile]:
    """Return what is to be journaled so that the readers of alerts sent alone are put right; nothing if they are.

    An alert that the journal holds, too, is what it should be. One whose event the journal has taken further does no
    harm: readers go by the highest revision. Of the others the last of each event counts, tests and real ones apart.

    Parameters
    ----------
    spooled
        What was decided alone; that the broker has not acknowledged an alert does not mean that nobody has it.
    journaled
        The journal's entries since before the store was lost. Other servers may have been as alone, and back sooner.
    """
    uuids: set[str] = set()
    known: dict[str, int] = {}  # of each event the revision below which readers know better, or were told
    told: set[str] = set()
    for entry in journaled:
        for alert in _alerts(entry):
            uuids.add(alert.alert_uuid)
            known[alert.event_id] = alert.revision
        if isinstance(entry.message, Reconcile):
            told.update(entry.message.merged)
            for sent in entry.message.alerts:
                known[sent.event_id] = max(known.get(sent.event_id, 0), sent.revision + 1)
    wrong: dict[str, Alert] = {}
    merged: dict[str, Alert] = {}
    for alert in (alert for entry in spooled for alert in _alerts(entry) if alert.alert_uuid not in uuids):
        merged |= dict.fromkeys(set(alert.merged_event_ids) - told, alert)
        if alert.revision >= known.get(alert.event_id, 0):
            wrong[alert.event_id] = alert
    found = []
    for is_test in (False, True):
        alerts = tuple(_sent(alert) for alert in wrong.values() if alert.cache.is_test == is_test)
        events = tuple(sorted(event_id for event_id, alert in merged.items() if alert.cache.is_test == is_test))
        if alerts or events:
            found.append(Reconcile(is_test=is_test, alerts=alerts, merged=events))
    return found


def _alerts(entry: Entry) -> tuple[Alert, ...]:
    return entry.outcome.alerts if entry.outcome else ()


def _sent(alert: Alert) -> SentAlone:
    return SentAlone(
        event_id=alert.event_id,
        is_pre_sn=alert.cache.is_pre_sn,
        sub_list_number=alert.sub_list_number,
        revision=alert.revision,
        alert_uuid=alert.alert_uuid,
        members=alert.members,
    )
