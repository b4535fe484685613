"""The spool: what a server decided alone, on the disk of its own machine, until the store is back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

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
        self._numbers: dict[str, int] = {}  # of the entries known to be on the disk, by attempt
        self._is_read = False  # whether these are all: a call that failed may have been done all the same
        self._written_keys: set[str] = set()
        self._keys: set[str] = set()  # of these and the unwritten
        self._unwritten: list[Entry] = []
        self._since_ns: Nanoseconds | None = None
        self._snapshot_at: int | None = None
        self._place = 0  # how many were returned one after the other

    def open(self) -> None:
        """Take up what is on the disk; what fails is logged, and tried again when something is written."""
        try:
            self._read()
        except StorageError as error:
            log.critical("ALARM: the local spool cannot be used", error=str(error))

    @property
    def depth(self) -> int:
        """How many entries there are, as far as is known."""
        return len(self._numbers) + len(self._unwritten)

    @property
    def since_ns(self) -> Nanoseconds | None:
        """When the first of them was received, TAI ns; None if there is none."""
        return self._since_ns

    @property
    def is_full(self) -> bool:
        """Whether no more can be taken in: the disk fails, and enough waits in memory."""
        return len(self._unwritten) >= MOST_UNWRITTEN

    def knows(self, key: str) -> bool:
        """Whether a message with that key is in the spool, as far as is known."""
        return key in self._keys

    def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries, and what could not be written before: durably, or else in memory for the time being."""
        if entries and self._since_ns is None:
            self._since_ns = entries[0].received_ns
        self._unwritten += entries
        self._keys.update(entry.key for entry in entries)
        if not self._unwritten:
            return
        try:
            self._write()
        except StorageError as error:
            if entries:
                log.critical("ALARM: the local spool fails, too", unwritten=len(self._unwritten), error=str(error))

    def mark_sent(self, entry: Entry) -> None:
        """Note that the broker has acknowledged all alerts of an entry; if that fails, they will be repeated.

        What was decided anew, because the disk could not be read, says nothing about what the disk has of that message.
        """
        self._unwritten = [replace(each, published=True) if each.key == entry.key else each for each in self._unwritten]
        if entry.attempt not in self._numbers:
            return
        try:
            self._storage.mark_published(self._numbers[entry.attempt])
        except StorageError as error:
            log.error("an alert sent alone could not be marked in the local spool", error=str(error))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in order; those in memory alone, if the disk is not known to hold any and cannot be read.

        Raises
        ------
        StorageError
            If those on the disk cannot be read.
        """
        self._find()
        return self._after(0)

    def rewind(self) -> None:
        """Let :meth:`next_entries` begin with the first entry."""
        self._place = 0

    def next_entries(self, most: int) -> list[Entry]:
        """Return the next entries in order, at most so many; none when all have been returned.

        When entries come to light that an earlier server left on the disk, it begins again with these.

        Raises
        ------
        StorageError
            If those on the disk cannot be read.
        """
        if self._place >= self.depth:
            return []
        self._find()
        found = list(islice(self._after(self._place), most))
        self._place += len(found)
        return found

    def begin_anew(self, sequence: int, snapshot: tuple[int, bytes] | None) -> None:
        """Forget the entries, all of them being in the journal, and keep a snapshot; if that fails, both stay.

        Parameters
        ----------
        sequence
            Length of the journal: a copy from further on is of another one.
        snapshot
            To be kept, if there is one.
        """
        self._unwritten, self._since_ns = [], None
        self._keys = set(self._written_keys)
        if not self._is_read:
            log.error("the local spool is left as it is: it cannot be read")
            return
        try:
            if self._numbers or self._is_ahead_of(sequence):
                self._is_read = False
                self._storage.drop()
                self._numbers, self._snapshot_at, self._is_read = {}, None, True
                self._written_keys.clear()
                self._keys.clear()
        except StorageError as error:
            log.error("the local spool could not be emptied", error=str(error))
        else:
            if snapshot is not None:
                self.keep_snapshot(snapshot)

    def keep_snapshot(self, snapshot: tuple[int, bytes]) -> None:
        """Keep a copy of the engine's state, and the sequence number it belongs to.

        It is from before whatever is in the spool: none is kept while something is, or may be.
        """
        if snapshot[0] == self._snapshot_at or self._numbers or not self._is_read:
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

    def _is_ahead_of(self, sequence: int) -> bool:
        """Whether the copy that is kept is from further on; what it holds may be large, and is let go of at once."""
        kept = self._storage.latest_snapshot()
        return kept is not None and kept[0] > sequence

    def _find(self) -> None:
        """Look up what is on the disk; if that fails, and it is not known to hold any, do with what is in memory."""
        try:
            self._read()
        except StorageError as error:
            if self._numbers:
                raise
            log.error("the local spool cannot be read", error=str(error))

    def _after(self, count: int) -> Iterator[Entry]:
        """Yield the entries after the first so many."""
        in_memory = self._unwritten[max(0, count - len(self._numbers)) :]
        return chain(self._storage.entries(count), in_memory) if self._is_read else iter(in_memory)

    def _read(self) -> None:
        """Look up what is on the disk, if that is not known."""
        if self._is_read:
            return
        self._storage.prepare()
        if self._storage.last_sequence() < len(self._numbers):
            self._numbers = {}  # it was emptied after all
            self._written_keys.clear()
        ours = {entry.attempt for entry in self._unwritten}
        for entry in self._storage.entries(after=len(self._numbers)):
            if entry.attempt not in ours:
                self._place = 0
            self._numbers[entry.attempt] = entry.sequence
            self._written_keys.add(entry.key)
        self._keys |= self._written_keys
        if (first := self._storage.entry(1)) is not None:
            self._since_ns = first.received_ns
        for entry in self._unwritten:
            if entry.alerts_json and entry.published and entry.attempt in self._numbers:
                self._storage.mark_published(self._numbers[entry.attempt])
        self._unwritten = [entry for entry in self._unwritten if entry.key not in self._written_keys]
        self._is_read = True

    def _write(self) -> None:
        """Write what is in memory only."""
        self._read()
        entries = [
            replace(entry, sequence=sequence) for sequence, entry in enumerate(self._unwritten, len(self._numbers) + 1)
        ]
        self._is_read = False  # until the append is known to have gone well
        self._storage.append(entries)
        self._numbers |= {entry.attempt: entry.sequence for entry in entries}
        self._written_keys.update(entry.key for entry in entries)
        self._unwritten, self._is_read = [], True
