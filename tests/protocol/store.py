"""A store that all servers share, and how one server sees it: slowly, sometimes not at all, sometimes in part."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from snews_cs.errors import AppendConflict, StoreUnreachable
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.order import in_order, require_run
from snews_cs.storage.tables import R
from tests.protocol.machine import Machine, Result
from tests.protocol.world import MS

PAGE = 5
"""How many entries are read at once: few, so that others act in between."""


class Shelf:
    """What is kept: the journal, marks and snapshots. It does at once what it is asked, and never fails.

    An append is there for good; what else was done since may be lost in a power cut (:meth:`lose`).

    Attributes
    ----------
    entries
        The journal, as it was appended.
    claims
        The claim of each entry that is not marked as published, by sequence number.
    seen
        How many entries can be read; more may be taken already.
    projected
        Up to where the projections stand.
    snapshots
        The newest two.
    claimed, conflicts
        How many claims changed hands, and how many appends were refused.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.keys: set[str] = set()
        self.claims: dict[int, str] = {}
        self.seen = 0
        self.projected = 0
        self.snapshots: list[tuple[int, bytes]] = []
        self.claimed = self.conflicts = 0
        self._unsynced: list[Callable[[], None]] = []

    def require_all(self, entries: Sequence[Entry]) -> None:
        """Refuse all of them if one would be."""
        require_run(entries, min(entries[0].sequence, len(self.entries) + 1))
        if entries[0].sequence <= len(self.entries):
            raise self._conflict(entries[0], "number")
        for entry in entries:
            if entry.key in self.keys:
                raise self._conflict(entry, "key")

    def insert(self, entry: Entry) -> None:
        """Append an entry; both its number and its key must be new."""
        require_run([entry], min(entry.sequence, len(self.entries) + 1))
        if entry.sequence <= len(self.entries):
            raise self._conflict(entry, "number")
        if entry.key in self.keys:
            raise self._conflict(entry, "key")
        self.entries.append(entry)
        self.keys.add(entry.key)
        if not entry.published:
            self.claims[entry.sequence] = entry.claim
        self._unsynced.clear()

    def _conflict(self, entry: Entry, what: str) -> AppendConflict:
        self.conflicts += 1
        return AppendConflict(f"entry {entry.sequence}: its {what} is in the journal already")

    def show(self) -> None:
        """Let all that is taken be read."""
        self.seen = len(self.entries)

    def read(self, sequence: int) -> Entry:
        """Return an entry as it now stands."""
        entry = self.entries[sequence - 1]
        if entry.published:
            return entry
        return replace(entry, published=sequence not in self.claims, claim=self.claims.get(sequence, entry.claim))

    def mark(self, sequence: int) -> bool:
        """Mark an entry as published."""
        claim = self.claims.pop(sequence, None)
        if claim is None:
            return False
        self._unsynced.append(lambda: self.claims.update({sequence: claim}))
        return True

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Set the claim of an entry that is not marked, if it is the expected one."""
        if self.claims.get(sequence) != expected:
            return False
        self.claims[sequence] = new
        self.claimed += 1
        self._unsynced.append(lambda: self.claims.update({sequence: expected}))
        return True

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep a snapshot."""
        before = self.snapshots
        kept = {number: kept for number, kept in before if number != sequence} | {sequence: state}
        self.snapshots = sorted(kept.items())[-2:]
        self._unsynced.append(lambda: setattr(self, "snapshots", before))

    def project(self, entries: Sequence[Entry]) -> None:
        """Move the projections on."""
        news = [entry for entry in entries if entry.sequence > self.projected]
        if news:
            require_run(news, self.projected + 1)
            self.projected = news[-1].sequence

    def drop(self) -> None:
        """Forget everything, for good."""
        self.entries, self.keys, self.claims = [], set(), {}
        self.seen = self.projected = 0
        self.snapshots, self._unsynced = [], []

    def lose(self, count: int) -> None:
        """Take back the latest of what was done since the last append, as after a power cut."""
        for _ in range(min(count, len(self._unsynced))):
            self._unsynced.pop()()


class SimulatedStore:
    """The :class:`snews_cs.storage.protocol.Storage` of one server.

    Parameters
    ----------
    machine
        The server's.
    shelf
        What it keeps: all servers' if the link is the store, this server's own if it is its disk.
    link
        What is between.
    """

    def __init__(self, machine: Machine, shelf: Shelf, link: Literal["store", "disk"] = "store") -> None:
        self._machine = machine
        self._shelf = shelf
        self._link = link
        self._is_transactional = link == "disk" or machine.weather.is_transactional

    def prepare(self) -> None:
        """Do nothing, but fail if the store is away."""
        self._ask("prepare", _nothing)

    # The journal

    def append(self, entries: Sequence[Entry]) -> None:
        """Append, all or (if the store is not transactional) a prefix."""
        if not entries:
            return
        names = f"append {entries[0].sequence}" + (f"..{entries[-1].sequence}" if len(entries) > 1 else "")

        def late() -> None:
            try:
                self._insert_all(entries)
            except AppendConflict:
                self._machine.world.note("store", f"{names}: late, and refused")
            else:
                self._machine.world.note("store", f"{names}: late, and done")

        self._ask(names, lambda: self._append(names, entries), late=late)

    def _append(self, names: str, entries: Sequence[Entry]) -> None:
        chance, weather = self._machine.world.random, self._machine.weather
        if self._is_transactional:
            self._insert_all(entries)
            return
        end = len(entries)
        if len(entries) > 1 and chance.random() < weather.fault("store"):
            end = chance.randrange(1, len(entries))
        try:
            self._insert_slowly(entries[:end])
            if chance.random() < weather.unseen:
                self._machine.rest(chance.randrange(300 * MS))  # until a majority has it: taken, and not shown
        finally:
            self._shelf.show()
        if end < len(entries):
            raise self._machine.no_answer("store", names, f"{end} of them done", StoreUnreachable)

    def _insert_all(self, entries: Sequence[Entry]) -> None:
        """Append all or nothing where the store has transactions, else up to the first that is refused."""
        shelf = self._shelf
        if self._is_transactional:
            shelf.require_all(entries)
        try:
            for entry in entries:
                shelf.insert(entry)
        finally:
            shelf.show()

    def _insert_slowly(self, entries: Sequence[Entry]) -> None:
        """Append one by one; others may write in between."""
        for entry in entries:
            self._shelf.insert(entry)
            if self._machine.world.random.random() < 0.3:
                self._machine.rest(self._machine.world.random.randrange(3 * MS))

    def entry(self, sequence: int) -> Entry | None:
        """Return an entry."""
        shelf = self._shelf
        return self._ask(f"entry {sequence}", lambda: shelf.read(sequence) if 0 < sequence <= shelf.seen else None)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield entries, page by page."""
        return in_order(lambda start: self._ask(f"entries after {start}", lambda: self._page(start)), after)

    def _page(self, after: int) -> list[Entry]:
        return [self._shelf.read(number) for number in range(after + 1, min(after + PAGE, self._shelf.seen) + 1)]

    def last_sequence(self) -> int:
        """Return the highest number."""
        return self._ask("last sequence", lambda: self._shelf.seen)

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        shelf = self._shelf
        hidden = {entry.key for entry in shelf.entries[shelf.seen :]}
        return self._ask("known keys", lambda: frozenset(shelf.keys & set(keys) - hidden))

    def unpublished(self) -> list[Entry]:
        """Return the entries not marked."""
        shelf = self._shelf
        return self._ask(
            "unpublished", lambda: [shelf.read(number) for number in sorted(shelf.claims) if number <= shelf.seen]
        )

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of the entries that are not marked, with their claims."""
        shelf = self._shelf
        return self._ask(
            f"unmarked of {sorted(sequences)}",
            lambda: {number: shelf.claims[number] for number in sequences if number in shelf.claims},
        )

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Take over the publishing of an entry's alerts."""

        def claim() -> bool:
            return self._shelf.claim(sequence, expected, new)

        return self._ask(f"claim {sequence}", claim, late=claim)

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry."""
        shelf = self._shelf
        return self._ask(f"mark {sequence}", lambda: shelf.mark(sequence), late=lambda: shelf.mark(sequence))

    # Snapshots and projections

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep a snapshot."""
        shelf = self._shelf
        self._ask(
            f"snapshot {sequence}",
            lambda: shelf.save_snapshot(sequence, state),
            late=lambda: shelf.save_snapshot(sequence, state),
        )

    def latest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest snapshot."""
        return self._ask("latest snapshot", lambda: self._shelf.snapshots[-1] if self._shelf.snapshots else None)

    def projected(self) -> int:
        """Return up to where the projections stand."""
        return self._ask("projected", lambda: self._shelf.projected)

    def project(self, entries: Sequence[Entry]) -> None:
        """Move the projections on."""
        self._ask(f"project to {entries[-1].sequence}", lambda: self._shelf.project(entries))

    def refused(self, most: int) -> list[int]:
        """Return nothing: no server asks."""
        return []

    def rows(self, kind: type[R], *, since_ns: Nanoseconds = 0) -> Iterator[R]:
        """Yield nothing: no server asks."""
        yield from ()

    def refusals(self) -> Mapping[str, int]:
        """Return nothing: no server asks."""
        return {}

    def sweep(self, now_ns: Nanoseconds) -> int:
        """Do nothing: there is nothing to sweep."""
        return self._ask("sweep", lambda: 0)

    def drop(self) -> None:
        """Delete everything."""
        self._ask("drop", self._shelf.drop)

    def close(self) -> None:
        """Do nothing."""

    def _ask(self, what: str, effect: Callable[[], Result], *, late: Callable[[], object] | None = None) -> Result:
        if self._is_transactional:
            late = None  # a file does nothing of its own accord
        if self._link == "disk":
            what = f"spool: {what}"
        return self._machine.call(self._link, what, effect, StoreUnreachable, late=late)


def _nothing() -> None:
    """Do nothing."""
