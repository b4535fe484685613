"""The journal and the engine that is its fold: what is appended is what was decided, and the other way round."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from enum import Enum, auto
from typing import NamedTuple

import structlog

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import AppendConflict, StoreUnreachable, UnreadableSnapshot
from snews_cs.messages.types import Nanoseconds, Parameters, ServerMessage
from snews_cs.server.arrival import Arrival
from snews_cs.server.deciding import decide, follow_entry
from snews_cs.server.known_keys import KnownKeys
from snews_cs.server.snapshots import Snapshots
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)


class Origin(Enum):
    """Who wrote an entry: this server now, this server some time ago without knowing it, another server."""

    NOW = auto()
    LATE = auto()
    ANOTHER = auto()


class Stood(NamedTuple):
    """Entries that have come to stand in the journal."""

    entries: Sequence[Entry]
    origin: Origin


class Journal:
    """The entries up to :attr:`sequence`, and the engine as they leave it.

    Attributes
    ----------
    in_doubt
        Attempts to append of which this server does not know whether they succeeded.

    Parameters
    ----------
    storage
        Where the entries are kept.
    server_tag
        Written into entries and alerts.
    in_doubt
        Attempts to append of which this server does not know whether they succeeded.
    """

    def __init__(self, storage: Storage, server_tag: str, in_doubt: frozenset[str] = frozenset()) -> None:
        self.engine = Engine()
        self.sequence = 0
        self.in_doubt = in_doubt
        self._storage = storage
        self._server_tag = server_tag
        self._snapshots = Snapshots(storage)
        self._known_keys = KnownKeys(storage)

    def restore(self) -> tuple[int, bytes] | None:
        """Prepare the store, take up the newest snapshot, and return it; :meth:`adopt` then brings what is after it.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        self._storage.prepare()
        snapshot, self.engine = self._snapshots.restored()
        self.sequence = snapshot[0] if snapshot else 0
        return snapshot

    def restore_alone(
        self, snapshot: tuple[int, bytes] | None, spooled: Iterable[Entry], parameters: Parameters, now_ns: Nanoseconds
    ) -> None:
        """Take up what is known without the store: what else was journaled is not.

        Parameters
        ----------
        snapshot
            A copy of one as of :meth:`snews_cs.storage.protocol.StoreReader.latest_snapshot`.
        spooled
            What was decided after it.
        parameters, now_ns
            What to decide with, and the time.
        """
        if snapshot is not None:
            try:
                self.engine = Engine.restore(snapshot[1])
                self.sequence = snapshot[0]
            except UnreadableSnapshot as error:
                log.warning("deciding alone without knowing what was before", error=str(error))
        if self.engine.parameters != parameters:
            self.engine.apply(parameters, now_ns, parameters.kind)
        for entry in spooled:
            follow_entry(self.engine, entry)
        self.engine.settle()

    def adopt(self) -> Iterator[Stood]:
        """Apply and yield the entries that stand after :attr:`sequence`.

        The outcome must be the one in the entry: a difference means that two versions or two histories disagree. The
        entry stands all the same, and the alarm is raised.

        Raises
        ------
        StorageError
            If the store cannot be read; what was yielded is adopted.
        """
        for entry in self._storage.entries(after=self.sequence):
            outcome = follow_entry(self.engine, entry)
            if outcome is not None and outcome != entry.outcome:
                log.critical(
                    "ALARM: this engine decides otherwise than the journal says",
                    sequence=entry.sequence,
                    writer=entry.writer,
                )
            self.engine.settle()
            self._note([entry])
            yield Stood([entry], Origin.LATE if entry.attempt in self.in_doubt else Origin.ANOTHER)

    def take(self, arrivals: Sequence[Arrival]) -> Iterator[Stood]:
        """Journal messages that are not journaled yet, and yield what comes to stand, other servers' entries too.

        Raises
        ------
        StorageError
            If the store fails: what was yielded stands, and of the rest nothing is decided. What was written all the
            same comes with :meth:`adopt`.
        """
        left = self._known_keys.unknown(arrivals)
        while left:
            if appended := self.append(left):
                yield Stood(appended, Origin.NOW)
                return
            before = self.sequence
            yield from self.adopt()
            if self.sequence == before:
                self._known_keys.ask_again()  # it is a key that is taken, by an entry of long ago
            rest = self._known_keys.unknown(left)
            if rest == left and self.sequence == before:
                raise StoreUnreachable("the store does not show yet what another server wrote first")
            left = rest

    def is_recent(self, key: str) -> bool:
        """Whether a message is known to be in the journal; of older ones that is not remembered."""
        return key in self._known_keys

    def append(self, arrivals: Sequence[Arrival]) -> list[Entry]:
        """Decide what follows from messages, write both down durably, and return their entries.

        There are none if another server wrote first: nothing is decided then, whatever of it may stand. What was
        written all the same, here and when the store fails, comes back with :meth:`adopt`.

        Raises
        ------
        StorageError
            If the store fails; nothing is decided.
        """
        entries: list[Entry] = []
        try:
            for arrival in arrivals:
                entries.append(decide(self.engine, arrival, self.sequence + len(entries) + 1, self._server_tag))
            self.in_doubt |= {entry.attempt for entry in entries}
            self._storage.append(entries)
        except BaseException as error:
            for entry in reversed(entries):
                if entry.outcome is not None:
                    self.engine.undo()
            if not isinstance(error, AppendConflict):
                raise
            log.info("another server wrote first", error=str(error))
            return []
        finally:
            self.engine.settle()
        self.in_doubt = frozenset()  # their numbers are taken now
        self._note(entries)
        return entries

    def decide_alone(self, arrivals: Sequence[Arrival], after: int) -> list[Entry]:
        """Decide what follows from messages without the store, for good: this journal is of no other use any more.

        Parameters
        ----------
        after
            The entries are numbered from the next number on, outside of the journal.
        """
        entries = []
        for sequence, arrival in enumerate(arrivals, after + 1):
            entries.append(decide(self.engine, arrival, sequence, self._server_tag, degraded=True))
            self.engine.settle()
        return entries

    def append_own(self, message: ServerMessage, received_ns: Nanoseconds) -> list[Entry]:
        """Journal what the server itself has to say (and :meth:`append` as above)."""
        return self.append([Arrival.of_server(message, received_ns)])

    def append_parameters(self, parameters: Parameters, received_ns: Nanoseconds) -> list[Entry]:
        """Journal the parameters to decide with, if they are not those in force (and :meth:`append` as above)."""
        if parameters == self.engine.parameters:
            return []
        if self.sequence:
            log.warning("the engine's parameters change", **_differences(self.engine.parameters, parameters))
        return self.append_own(parameters, received_ns)

    def keep_snapshot(self, *, idle: bool) -> tuple[int, bytes] | None:
        """Save the engine's state if it is due (:meth:`snews_cs.server.snapshots.Snapshots.keep`)."""
        return self._snapshots.keep(self.sequence, self.engine, idle=idle)

    def snapshot(self) -> tuple[int, bytes]:
        """Return the sequence number and the engine's state, from which an engine that decides alike can be made."""
        return self.sequence, self.engine.snapshot()

    def _note(self, entries: Sequence[Entry]) -> None:
        """Count entries that stand, and remember their keys."""
        self.sequence += len(entries)
        self._known_keys.add(entries)


def _differences(old: Parameters, new: Parameters) -> dict[str, str]:
    was, now = asdict(old), asdict(new)
    return {name: f"{was[name]} -> {now[name]}" for name in now if was[name] != now[name]}
