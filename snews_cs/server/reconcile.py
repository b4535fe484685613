"""What readers believe because of alerts sent alone, and the journal does not say (SPEC section 6)."""

from collections.abc import Iterable

from snews_cs.coincidence.types import Alert
from snews_cs.messages.types import Reconcile, SentAlone
from snews_cs.storage.entry import Entry


class Readers:
    """What the readers of alerts were told: alone, and by the journal.

    An alert that the journal holds, too, is what it should be. One whose event the journal has taken further does no
    harm: readers go by the highest revision. Of the others the last of each event counts, tests and real ones apart.
    """

    def __init__(self) -> None:
        self._sent_alone: list[Alert] = []
        self._uuids: set[str] = set()
        self._known: dict[str, int] = {}  # of each event the revision below which readers know better, or were told
        self._told: set[str] = set()

    def hear(self, spooled: Iterable[Entry]) -> None:
        """Take in what was decided alone, in order.

        That the broker has not acknowledged an alert does not mean that nobody has it.
        """
        self._sent_alone += [alert for entry in spooled for alert in _alerts(entry)]

    def read(self, journaled: Iterable[Entry]) -> None:
        """Take in entries of the journal: all since before the store was lost are to be read, in whatever order.

        Other servers may have been as alone, and back sooner.
        """
        for entry in journaled:
            for alert in _alerts(entry):
                self._uuids.add(alert.alert_uuid)
                self._learn(alert.event_id, alert.revision)
            if isinstance(entry.message, Reconcile):
                self._told.update(entry.message.merged)
                for sent in entry.message.alerts:
                    self._learn(sent.event_id, sent.revision + 1)

    def reconciliations(self) -> list[Reconcile]:
        """Return what is to be journaled so that the readers are put right; nothing if they are."""
        wrong: dict[str, Alert] = {}
        merged: dict[str, Alert] = {}
        for alert in (alert for alert in self._sent_alone if alert.alert_uuid not in self._uuids):
            merged |= dict.fromkeys(set(alert.merged_event_ids) - self._told, alert)
            if alert.revision >= self._known.get(alert.event_id, 0):
                wrong[alert.event_id] = alert
        found = []
        for is_test in (False, True):
            alerts = tuple(_sent(alert) for alert in wrong.values() if alert.cache.is_test == is_test)
            events = tuple(sorted(event_id for event_id, alert in merged.items() if alert.cache.is_test == is_test))
            if alerts or events:
                found.append(Reconcile(is_test=is_test, alerts=alerts, merged=events))
        return found

    def _learn(self, event_id: str, revision: int) -> None:
        self._known[event_id] = max(self._known.get(event_id, 0), revision)


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
