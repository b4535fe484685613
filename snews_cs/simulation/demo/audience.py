"""Shows what came of what was published, and holds it against what must come."""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from snews_cs.coincidence.types import Alert
from snews_cs.settings import Settings
from snews_cs.simulation.demo.processes import Processes
from snews_cs.simulation.demo.screen import Screen
from snews_cs.simulation.demo.services import PATIENCE_S
from snews_cs.simulation.demo.stage import Published
from snews_cs.simulation.demo.story import Act
from snews_cs.simulation.demo.tally import Tally
from snews_cs.simulation.demo.witness import Delivery, Witness
from snews_cs.storage.entry import Entry

_LATE_S = 0.3


class Audience:
    """Looks on through a witness.

    Parameters
    ----------
    witness
        Sees the journal and the alert topic.
    processes
        What must stay well while it waits.
    settings
        Where detectors publish.
    screen, tally
        Where what was seen is shown and counted.
    """

    def __init__(
        self, witness: Witness, processes: Processes, settings: Settings, screen: Screen, tally: Tally
    ) -> None:
        self._witness = witness
        self._processes = processes
        self._topic = urlsplit(settings.observation_topic).path[1:]
        self._screen = screen
        self._tally = tally

    def follow(self, act: Act, published: Published) -> None:
        """Show what an act led to, and count what came otherwise than it must."""
        self._witness.written_unix_ns.update(published.written_unix_ns)
        entries = self._take_in(published.count)
        deliveries = self._show(entries)
        refused = sum(not entry.verdict.accepted for entry in entries)
        self._tally.faults += act.faults([delivery.alert for delivery in deliveries], refused)
        if len(entries) < published.count:
            self._tally.faults.append(f"{act.title}: {len(entries)} of {published.count} messages reached the server")

    def watch(self) -> None:
        """Show what has come since, whoever sent it, and which sublists it changed."""
        self._show(self._take_in(0), only_changes=True)

    def wait_for_the_unexpected(self) -> None:
        """Give what should not come a moment to come, and count it."""
        deadline = time.monotonic() + _LATE_S
        while time.monotonic() < deadline:
            self._processes.pause()
            self._witness.listen()
        known = {delivery.alert["alert_uuid"] for delivery in self._tally.deliveries}
        self._tally.faults += [
            f"alert {uuid} came, and no message led to it" for uuid in self._witness.delivered.keys() - known
        ]

    def _take_in(self, count: int) -> list[Entry]:
        """Wait until so many messages are in the journal, and the alerts that they led to in the reader's hands."""
        deadline = time.monotonic() + PATIENCE_S
        entries: list[Entry] = []
        while True:
            entries += [entry for entry in self._witness.entries() if entry.raw.topic == self._topic]
            self._witness.listen()
            missing = {alert.alert_uuid for alert in _alerts(entries)} - self._witness.delivered.keys()
            if (len(entries) >= count and not missing) or time.monotonic() > deadline:
                return entries
            self._processes.pause()

    def _show(self, entries: Sequence[Entry], *, only_changes: bool = False) -> list[Delivery]:
        """Show messages, their alerts and the sublists; return the alerts that were delivered."""
        delivered: list[Delivery] = []
        changed: set[int] = set()
        for place, entry in enumerate(entries):
            self._screen.message(entry)
            self._tally.count(entry)
            if entry.outcome is None:
                continue
            changed |= self._witness.sky.apply(entry.outcome)
            events_to_come = {alert.event_id for alert in _alerts(entries[place + 1 :])}
            for alert in entry.outcome.alerts:
                delivery = self._witness.delivery(entry, alert.alert_uuid)
                if delivery is not None:
                    self._screen.alert(delivery, briefly=alert.event_id in events_to_come)
                    delivered.append(delivery)
        if changed:
            sky = self._witness.sky
            self._screen.sublists(sky.frame, sky.sublists, changed, others=not only_changes)
        self._tally.deliveries += delivered
        return delivered


def _alerts(entries: Sequence[Entry]) -> list[Alert]:
    return [alert for entry in entries if entry.outcome for alert in entry.outcome.alerts]
