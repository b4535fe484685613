"""Brings the projections up to the journal: never backwards, and never before the entry is in it."""

from collections.abc import Iterable

from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.waiting import StopRequest

MOST = 500
"""How many entries are projected in one write."""


class Projector:
    """The entries that are in the journal but not in the projections yet.

    Parameters
    ----------
    storage
        Holds both.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._waiting: list[Entry] = []

    def catch_up(self, stop: StopRequest) -> None:
        """Project whatever the journal holds beyond the projections, or until told to stop.

        Raises
        ------
        StorageError
            If the store fails; what was projected until then stands.
        """
        for entry in self._storage.entries(after=self._storage.projected()):
            if stop:
                break
            self._waiting.append(entry)
            if len(self._waiting) >= MOST:
                self.project()
        self.project()

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries that follow those taken in before."""
        self._waiting += entries

    def project(self) -> None:
        """Project what was taken in.

        Raises
        ------
        StorageError
            If the store fails; the entries wait for the next time.
        """
        if self._waiting:
            self._storage.project(self._waiting)
            self._waiting = []
