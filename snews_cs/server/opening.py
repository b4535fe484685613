"""What a server does with its store before it works with it: at the start, and when the store has been away."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import structlog

from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.arrival import Arrival
from snews_cs.server.journal import Journal
from snews_cs.server.reconcile import Readers
from snews_cs.server.snapshots import making_what_lives_long
from snews_cs.server.spool import Spool
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

SPOOLED_AT_ONCE = 100
"""How many messages of the spool share one durable write: a step, which takes some tens of ms."""


class Opening:
    """Restores the engine, journals what is in the spool, and puts readers right, step by step.

    Between two steps the server does what cannot wait, and may spool more. Doing all this anew, after a failure or a
    crash at any point, does nothing twice; the spool is not emptied here.

    Parameters
    ----------
    journal
        One that knows nothing yet.
    storage, spool
        The store, and the disk.
    parameters
        What the engine shall decide with.
    now
        The clock, TAI ns.

    Attributes
    ----------
    journal
        When all is done, ready to be worked with. So are:
    snapshot
        The snapshot of the engine that was taken up and its sequence number, None if there was none.
    sent_alone
        The alerts, by ``alert_uuid``, of which the spool says that the broker acknowledged them.
    unpublished
        The entries whose alerts are not marked as published, in order.
    """

    def __init__(
        self,
        journal: Journal,
        storage: Storage,
        spool: Spool,
        parameters: Parameters,
        now: Callable[[], Nanoseconds],
    ) -> None:
        self.journal = journal
        self.snapshot: tuple[int, bytes] | None = None
        self.sent_alone: set[str] = set()
        self.unpublished: list[Entry] = []
        self._storage = storage
        self._spool = spool
        self._parameters = parameters
        self._now = now
        self._readers = Readers()
        self._unread = 0  # how many entries were taken up with the snapshot, unread
        self._steps = self._take_steps()

    def go_on(self, is_enough: Callable[[], bool]) -> bool:
        """Take steps, at least one, until it is enough; whether all is done, and nothing in the spool is left.

        Raises
        ------
        StorageError
            If the store or the spool fails: this opening is over, and another one begins anew.
        """
        return not any(is_enough() for _ in self._steps)

    def _take_steps(self) -> Iterator[None]:
        """Do it all; whatever comes after the last pause is done in one go."""
        self.snapshot = self.journal.restore()
        self._unread = self.journal.sequence
        yield
        yield from self._replay()
        while self.journal.engine.parameters != self._parameters:
            if entries := self.journal.append_parameters(self._parameters, self._now()):
                self._readers.read(entries)
                break  # they are in force, unless the engine failed on them: then the old ones are
            yield from self._replay()
        self._spool.open()
        self._spool.rewind()
        if self._spool.depth:
            log.info("journaling what was decided alone", spooled=self._spool.depth)
        while True:
            yield from self._journal_spool()
            messages = self._readers.reconciliations()
            if not messages:
                break
            for entry in self.journal.append_own(messages[0], self._now()):
                self._readers.read([entry])
                log.warning(
                    "readers of alerts sent alone are put right",
                    sent_alone=len(messages[0].alerts),
                    alerts=len(entry.alerts_json),
                )
            yield from self._replay()
        self.unpublished = self._storage.unpublished()

    def _replay(self) -> Iterator[None]:
        """Bring the engine up to the journal; what follows from the entries is found in the store."""
        for entries, _ in self.journal.adopt():
            self._readers.read(entries)
            yield

    def _journal_spool(self) -> Iterator[None]:
        """Append the spooled messages as any others, with the verdicts and times they have.

        The last of them, fewer than a step's, are not followed by a pause, in which others could be spooled.
        """
        while group := self._spool.next_entries(SPOOLED_AT_ONCE):
            if any(entry.alerts_json for entry in group):
                yield from self._look_back()
            self._readers.hear(group)
            self.sent_alone.update(
                alert.alert_uuid
                for entry in group
                if entry.published and entry.outcome
                for alert in entry.outcome.alerts
            )
            with making_what_lives_long():
                for entries, _ in self.journal.take([Arrival.again(entry) for entry in group]):
                    self._readers.read(entries)
                    self._mark(entries)
            if len(group) == SPOOLED_AT_ONCE:
                yield

    def _look_back(self) -> Iterator[None]:
        """Learn what the journal told readers since before the store was lost, as far as it was not read."""
        if self._unread:
            copy = self._spool.snapshot()
            known = copy[0] if copy else 0  # so many entries the spool's server had seen before it was alone
            after = known if known <= self.journal.sequence else 0
            unread, self._unread = max(0, self._unread - after), 0
            for entry in islice(self._storage.entries(after), unread):
                self._readers.read([entry])
                yield

    def _mark(self, entries: Sequence[Entry]) -> None:
        """Mark what was sent alone, lest other servers publish it again."""
        for entry in entries:
            alerts = entry.outcome.alerts if entry.outcome else ()
            if not entry.published and all(alert.alert_uuid in self.sent_alone for alert in alerts):
                self._storage.mark_published(entry.sequence)
