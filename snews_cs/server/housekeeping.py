"""What a server does in a quiet moment: snapshots, copies of them in the spool, sweeping."""

from collections.abc import Callable

from snews_cs.messages.types import Nanoseconds
from snews_cs.server.chores import Chore
from snews_cs.server.journal import Journal
from snews_cs.server.spool import Spool
from snews_cs.storage.protocol import Storage

COPY_EVERY_S = 10.0
"""How often an idle server copies its engine's state into the spool, for a start while the store is away, s."""

MOST_COPIED = 10_000
"""Of how many observations at most; of more than these only the store's own snapshots are copied."""

SWEEP_EVERY_S = 60.0
"""How often the store is asked to delete what has outlived its time, s."""


class Housekeeping:
    """What can wait, each at its time; what fails is put off.

    Parameters
    ----------
    storage, spool
        What is kept in order.
    now, monotonic
        The clocks: TAI ns; and s that never go back.
    """

    def __init__(
        self, storage: Storage, spool: Spool, now: Callable[[], Nanoseconds], monotonic: Callable[[], float]
    ) -> None:
        self._storage = storage
        self._spool = spool
        self._now = now
        self._monotonic = monotonic
        self._saving = Chore("snapshot", monotonic, shortest_s=10.0, longest_s=600.0)
        self._sweeping = Chore("sweeping", monotonic, shortest_s=SWEEP_EVERY_S, longest_s=3600.0)
        self._copy_at_s = self._sweep_at_s = 0.0

    def keep(self, journal: Journal, *, idle: bool) -> None:
        """Do what is due."""
        if self._saving.is_due and not self._save(journal, idle=idle):
            return
        if idle and self._monotonic() >= self._copy_at_s:
            self.copy(journal)
            self._copy_at_s = self._monotonic() + COPY_EVERY_S
        if idle and self._monotonic() >= self._sweep_at_s and self._sweeping.is_due:
            self._sweep_at_s = self._monotonic() + SWEEP_EVERY_S
            with self._sweeping:
                if self._storage.sweep(self._now()):
                    self._sweep_at_s = self._monotonic()  # there may be more, which does not hold up a message at once

    def copy(self, journal: Journal) -> None:
        """Keep a copy of the engine's state in the spool, unless it is too large to be worth the time."""
        if journal.sequence and journal.engine.remembered <= MOST_COPIED:
            self._spool.keep_snapshot(journal.snapshot())

    def _save(self, journal: Journal, *, idle: bool) -> bool:
        """Take a snapshot if it is time; False if the store fails."""
        with self._saving:
            if (snapshot := journal.keep_snapshot(idle=idle)) is not None:
                self._spool.keep_snapshot(snapshot)
            return True
        return False
