"""The spool: what a server decided alone, on the disk of its own machine, until the store is back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import structlog

from snews_cs.errors import StorageError
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

MOST_UNWRITTEN = 10_000
"""How many entries are kept in memory at most while the spool's disk, too, does not take them."""


class Spool:
    """Entries that are not in the journal yet, numbered 1, 2, 3, ... of their own.

    It outlives the server. What its disk does not take is held in memory and written as soon as it can be; Kafka still
    has it, for no offset is committed meanwhile. Beside the entries it holds a copy of the engine's last snapshot, to
    begin with when the store is away at the start.

    Parameters
    ----------
    storage
        A store on this machine, for this server alone.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._written: int | None = None  # how many are on the disk; None if that must be looked up
        self._unwritten: list[Entry] = []
        self._since_ns: Nanoseconds | None = None
        self._snapshot_at: int | None = None
        self._keys: set[str] = set()

    def open(self) -> None:
        """Take up what an earlier server left; what fails is logged, and tried again when something is written."""
        try:
            self._prepare()
        except StorageError as error:
            log.critical("ALARM: the local spool cannot be used", error=str(error))

    @property
    def depth(self) -> int:
        """How many entries there are."""
        return self._unwritten[-1].sequence if self._unwritten else self._written or 0

    @property
    def since_ns(self) -> Nanoseconds | None:
        """When the first of them was received, TAI ns; None if there is none."""
        return self._since_ns

    @property
    def is_full(self) -> bool:
        """Whether no more can be taken in: the disk fails, and enough waits in memory."""
        return len(self._unwritten) >= MOST_UNWRITTEN

    def knows(self, key: str) -> bool:
        """Whether a message with that key is in the spool."""
        return key in self._keys

    def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries, numbered from :attr:`depth` + 1 on: durably, or else in memory for the time being."""
        if entries and self._since_ns is None:
            self._since_ns = entries[0].received_ns
        self._unwritten += entries
        self._keys.update(entry.key for entry in entries)
        try:
            self._prepare()
            self._storage.append(self._unwritten)
        except StorageError as error:
            self._written = None
            log.critical("ALARM: the local spool fails, too", unwritten=len(self._unwritten), error=str(error))
        else:
            self._written = self.depth
            self._unwritten = []

    def mark_sent(self, entry: Entry) -> None:
        """Note that the broker has acknowledged all alerts of an entry; if that fails, they will be repeated."""
        self._unwritten = [
            replace(each, published=True) if each.sequence == entry.sequence else each for each in self._unwritten
        ]
        try:
            self._storage.mark_published(entry.sequence)
        except StorageError as error:
            log.error("an alert sent alone could not be marked in the local spool", error=str(error))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in order.

        Raises
        ------
        StorageError
            If they cannot be read.
        """
        self._prepare()
        return chain(self._storage.entries(), self._unwritten)

    def begin_anew(self, sequence: int, snapshot: tuple[int, bytes] | None) -> None:
        """Forget the entries, all of them being in the journal, and keep a snapshot; if that fails, both stay.

        Parameters
        ----------
        sequence
            Length of the journal: a copy from further on is of another one.
        snapshot
            To be kept, if there is one.
        """
        try:
            self._prepare()
            kept = self._storage.latest_snapshot()
            if self.depth or (kept is not None and kept[0] > sequence):
                self._storage.drop()
                self._snapshot_at = None
            self._written, self._unwritten, self._since_ns = 0, [], None
            self._keys.clear()
        except StorageError as error:
            log.error("the local spool could not be emptied", error=str(error))
        else:
            if snapshot is not None:
                self.keep_snapshot(snapshot)

    def keep_snapshot(self, snapshot: tuple[int, bytes]) -> None:
        """Keep a copy of the engine's state, and the sequence number it belongs to."""
        if snapshot[0] == self._snapshot_at:
            return
        try:
            self._storage.save_snapshot(*snapshot)
        except StorageError as error:
            log.error("the engine's state could not be kept in the local spool", error=str(error))
        else:
            self._snapshot_at = snapshot[0]

    def snapshot(self) -> tuple[int, bytes] | None:
        """Return what :meth:`keep_snapshot` kept last, None if it cannot be read."""
        try:
            return self._storage.latest_snapshot()
        except StorageError as error:
            log.error("the engine's state in the local spool cannot be read", error=str(error))
            return None

    def _prepare(self) -> None:
        """Look up what is on the disk, if that is not known: a failed write may have been done all the same."""
        if self._written is None:
            self._storage.prepare()
            written = 0
            for entry in self._storage.entries():
                written = entry.sequence
                self._keys.add(entry.key)
                self._since_ns = self._since_ns or entry.received_ns
            self._unwritten = [entry for entry in self._unwritten if entry.sequence > written]
            self._written = written
