"""The journal and the engine that is its fold: what is appended is what was decided, and the other way round."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple
from uuid import uuid4

import structlog

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.errors import AppendConflict, StoreUnreachable, UnreadableSnapshot
from snews_cs.messages.admission import Reading
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters, ServerMessage, Verdict
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

RECENT = 10_000
"""How many of the latest keys are remembered: what comes twice mostly comes again soon."""

SNAPSHOT_AFTER = 1_000
"""Entries between two snapshots of the engine, at least."""

IDLE_SHARE = 10
"""In a quiet moment a snapshot is due after this part of as many entries as observations are remembered: a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it is to be journaled.

    Parameters
    ----------
    key
        Its identity.
    raw
        The record to keep, passwords masked.
    reading
        What was understood, and the verdict.
    received_ns
        When it was taken in.
    """

    key: str
    raw: RawMessage
    reading: Reading
    received_ns: Nanoseconds


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
        self._snapshot_at = 0
        self._recent: dict[str, None] = {}
        self._must_ask = True

    def restore(self) -> None:
        """Prepare the store, and take up the newest snapshot; :meth:`adopt` then brings the entries after it.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        self._storage.prepare()
        snapshot = self._storage.latest_snapshot()
        if snapshot is not None:
            sequence, state = snapshot
            try:
                with _making_what_lives_long():
                    self.engine = Engine.restore(state)
            except UnreadableSnapshot as error:
                log.warning("reading the whole journal instead of its snapshot", error=str(error))
            else:
                self.sequence = self._snapshot_at = sequence

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
            self._apply_entry(entry)
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
            outcome = self._apply_entry(entry)
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
        left = self.unknown(arrivals) if arrivals else []
        while left:
            if appended := self.append(left):
                yield Stood(appended, Origin.NOW)
                return
            before = self.sequence
            yield from self.adopt()
            self._must_ask |= self.sequence == before  # it is a key that is taken, by an entry of long ago
            rest = self.unknown(left)
            if rest == left and self.sequence == before:
                raise StoreUnreachable("the store does not show yet what another server wrote first")
            left = rest

    def is_recent(self, key: str) -> bool:
        """Whether a message is known to be in the journal; of older ones that is not remembered."""
        return key in self._recent

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Return the messages that are not known to be in the journal, each once.

        The store is asked at first, until it knows of nothing more, and after a conflict that :meth:`adopt` does not
        explain. Else the latest keys are remembered, and :meth:`append` finds out the rest.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        news = {arrival.key: arrival for arrival in arrivals if arrival.key not in self._recent}
        if news and self._must_ask:
            known = self._storage.known_keys(list(news))
            self._must_ask = bool(known)
            news = {key: arrival for key, arrival in news.items() if key not in known}
        return list(news.values())

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
                entries.append(self._decide(arrival, self.sequence + len(entries) + 1))
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
            entries.append(self._decide(arrival, sequence, degraded=True))
            self.engine.settle()
        return entries

    def append_own(self, message: ServerMessage, received_ns: Nanoseconds) -> list[Entry]:
        """Journal what the server itself has to say (and :meth:`append` as above)."""
        raw = RawMessage("", -1, -1, -1, (), None)
        key = f"{message.kind}/{uuid4().hex}"
        reading = Reading(message=message, verdict=Verdict())
        return self.append([Arrival(key=key, raw=raw, reading=reading, received_ns=received_ns)])

    def append_parameters(self, parameters: Parameters, received_ns: Nanoseconds) -> list[Entry]:
        """Journal the parameters to decide with, if they are not those in force (and :meth:`append` as above)."""
        if parameters == self.engine.parameters:
            return []
        if self.sequence:
            log.warning("the engine's parameters change", **_differences(self.engine.parameters, parameters))
        return self.append_own(parameters, received_ns)

    def keep_snapshot(self, *, idle: bool) -> tuple[int, bytes] | None:
        """Save the engine's state when it is due and affordable; return the sequence number and the state if it was.

        A snapshot costs as much as the engine remembers, and holds up whatever comes meanwhile: 0.4 s at 170,000
        observations. So that an entry's share of the cost stays the same, a busy server waits for as many entries as it
        remembers observations, one that has a moment for a tenth of that.

        Raises
        ------
        StorageError
            If it cannot be saved; it is tried again.
        """
        since = self.sequence - self._snapshot_at
        remembered = self.engine.remembered
        if since < max(SNAPSHOT_AFTER, remembered // IDLE_SHARE if idle else remembered):
            return None
        with _making_what_lives_long():
            snapshot = self.snapshot()
            self._storage.save_snapshot(*snapshot)
        self._snapshot_at = self.sequence
        return snapshot

    def snapshot(self) -> tuple[int, bytes]:
        """Return the sequence number and the engine's state, from which an engine that decides alike can be made."""
        return self.sequence, self.engine.snapshot()

    def _note(self, entries: Sequence[Entry]) -> None:
        """Count entries that stand, and remember the latest keys."""
        self.sequence += len(entries)
        self._recent |= dict.fromkeys(entry.key for entry in entries)
        for key in list(islice(self._recent, max(0, len(self._recent) - RECENT))):
            del self._recent[key]

    def _decide(self, arrival: Arrival, sequence: int, *, degraded: bool = False) -> Entry:
        reading, outcome = arrival.reading, None
        alerts_json: tuple[str, ...] = ()
        try:
            outcome = self._apply(arrival.key, reading, arrival.received_ns)
            alerts_json = self._written(outcome, degraded=degraded)
        except Exception as error:  # a fault of ours must cost one message, not the server
            log.critical("ALARM: the engine failed on a message", key=arrival.key, exc_info=True)
            if outcome is not None:  # else the engine has undone it
                self.engine.undo()
            verdict = replace(reading.verdict, reason=f"internal error: {type(error).__name__}")
            reading, outcome = replace(reading, verdict=verdict), None
        attempt = uuid4().hex
        return Entry(
            sequence=sequence,
            key=arrival.key,
            received_ns=arrival.received_ns,
            raw=arrival.raw,
            message=reading.message,
            verdict=reading.verdict,
            outcome=outcome,
            alerts_json=alerts_json,
            writer=self._server_tag,
            attempt=attempt,
            claim=attempt,
            published=not alerts_json,
        )

    def _apply_entry(self, entry: Entry) -> Outcome | None:
        """Apply what was decided before; None if it was refused, or the engine fails on it."""
        try:
            return self._apply(entry.key, Reading(entry.message, entry.verdict), entry.received_ns)
        except Exception:  # a fault of ours must cost one entry, not the server; the journal's decision stands
            log.critical("ALARM: the engine failed on an entry of the journal", sequence=entry.sequence, exc_info=True)
            return None

    def _written(self, outcome: Outcome | None, *, degraded: bool) -> tuple[str, ...]:
        alerts = outcome.alerts if outcome else ()
        return tuple(alert_json(alert, server_tag=self._server_tag, degraded=degraded) for alert in alerts)

    def _apply(self, key: str, reading: Reading, received_ns: Nanoseconds) -> Outcome | None:
        if reading.message is None or not reading.verdict.accepted:
            return None
        return self.engine.apply(reading.message, received_ns, key)


@contextmanager
def _making_what_lives_long() -> Iterator[None]:
    """Keep the garbage collector away meanwhile, and let it pass over all there is then.

    A full collection looks at every live observation: 130 ms at 100,000 of them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def _differences(old: Parameters, new: Parameters) -> dict[str, str]:
    was, now = asdict(old), asdict(new)
    return {name: f"{was[name]} -> {now[name]}" for name in now if was[name] != now[name]}
