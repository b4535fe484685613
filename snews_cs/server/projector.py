"""Brings the projections up to the journal: never backwards, and never before the entry is in it."""

from collections.abc import Callable, Iterable
from itertools import islice

from snews_cs.server.chores import Chore
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

MOST = 500
"""How many entries are projected in one write."""


class Projector:
    """The entries that are in the journal but not in the projections yet.

    At first, and after a failure, they are read from the journal, some in each round: no message waits for them.

    Parameters
    ----------
    storage
        Holds both.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(self, storage: Storage, monotonic: Callable[[], float]) -> None:
        self._storage = storage
        self._chore = Chore("projections", monotonic, shortest_s=1.0, longest_s=60.0)
        self._waiting: list[Entry] = []
        self._is_behind = True  # whether the journal may hold others than these

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries that follow those taken in before."""
        if not self._is_behind:
            self._waiting += entries
        if len(self._waiting) > MOST:
            self._waiting, self._is_behind = [], True

    def project(self) -> bool:
        """Project what was taken in, or what the journal holds; False if the store fails, which is made good later."""
        if self._chore.is_due and (self._waiting or self._is_behind):
            with self._chore:
                self._project()
                return True
            return False
        return True

    def _project(self) -> None:
        entries, was_behind = self._waiting, self._is_behind
        self._waiting, self._is_behind = [], True  # until this is known to have gone well
        if was_behind:
            entries = list(islice(self._storage.entries(after=self._storage.projected()), MOST))
        if entries:
            self._storage.project(entries)
        self._is_behind = was_behind and len(entries) == MOST
