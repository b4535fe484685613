"""The journal and the engine that is its fold: what is appended is what was decided, and the other way round."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

import structlog

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.errors import AppendConflict, StoreUnreachable, UnreadableSnapshot
from snews_cs.messages.admission import Reading
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters, Verdict
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

SNAPSHOT_AFTER = 1_000
"""Entries between two snapshots of the engine; under load at least as many as it remembers observations."""


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


class Journal:
    """The entries up to :attr:`sequence`, and the engine as they leave it.

    Parameters
    ----------
    storage
        Where the entries are kept.
    server_tag
        Written into entries and alerts.
    """

    def __init__(self, storage: Storage, server_tag: str) -> None:
        self.engine = Engine()
        self.sequence = 0
        self._storage = storage
        self._server_tag = server_tag
        self._snapshot_at = 0
        self._in_doubt: frozenset[str] = frozenset()
        self._is_overtaken = False

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

    def adopt(self) -> Iterator[tuple[Entry, bool]]:
        """Apply and yield the entries that stand after :attr:`sequence`, and whether an append of ours wrote them.

        The outcome must be the one in the entry: a difference means that two versions or two histories disagree. The
        entry stands all the same, and the alarm is raised.

        Raises
        ------
        StorageError
            If the store cannot be read, or does not show yet what took the number of an entry of ours; what was
            yielded is adopted.
        """
        is_overtaken, self._is_overtaken = self._is_overtaken, False
        before = self.sequence
        for entry in self._storage.entries(after=self.sequence):
            try:
                outcome = self._apply(entry.key, Reading(entry.message, entry.verdict), entry.received_ns)
            except Exception:
                log.critical(
                    "ALARM: the engine failed on an entry of the journal", sequence=entry.sequence, exc_info=True
                )
            else:
                if outcome != entry.outcome:
                    log.critical(
                        "ALARM: this engine decides otherwise than the journal says",
                        sequence=entry.sequence,
                        writer=entry.writer,
                    )
            self.engine.settle()
            self.sequence = entry.sequence
            yield entry, entry.attempt in self._in_doubt
        if is_overtaken and self.sequence == before:
            raise StoreUnreachable("the store does not show yet what another server wrote first")

    def unknown(self, messages: Sequence[RawMessage]) -> list[tuple[str, RawMessage]]:
        """Return the messages that are not in the journal, each once, with their keys."""
        by_key = {message.key: message for message in messages}
        known = self._storage.known_keys(list(by_key))
        return [(key, message) for key, message in by_key.items() if key not in known]

    def append(self, arrivals: Sequence[Arrival]) -> list[Entry]:
        """Decide what follows from messages, write both down durably, and return the entries that stand.

        They are fewer than the messages if another server wrote first: the rest is to be decided again after
        :meth:`adopt`.

        Raises
        ------
        StoreUnreachable
            Nothing is decided. What was written all the same comes back with :meth:`adopt`.
        """
        entries: list[Entry] = []
        standing = 0
        try:
            for arrival in arrivals:
                entries.append(self._decide(arrival, self.sequence + len(entries) + 1))
            self._in_doubt |= {entry.attempt for entry in entries}
            self._storage.append(entries)
            standing = len(entries)
        except AppendConflict as conflict:
            log.info("another server wrote first", error=str(conflict))
            standing = conflict.appended
            self._is_overtaken = True
        finally:
            for entry in reversed(entries[standing:]):
                if entry.outcome is not None:
                    self.engine.undo()
            self.engine.settle()
            self.sequence += standing
        if standing == len(entries):
            self._in_doubt = frozenset()  # their numbers are taken now
        return entries[:standing]

    def append_parameters(self, parameters: Parameters, received_ns: Nanoseconds) -> list[Entry]:
        """Journal the parameters to decide with, if they are not those in force (and :meth:`append` as above)."""
        if parameters == self.engine.parameters:
            return []
        if self.sequence:
            log.warning("the engine's parameters change", **_differences(self.engine.parameters, parameters))
        key = f"parameters/{uuid4().hex}"
        raw = RawMessage("", -1, -1, -1, (), None)
        reading = Reading(message=parameters, verdict=Verdict())
        return self.append([Arrival(key=key, raw=raw, reading=reading, received_ns=received_ns)])

    def keep_snapshot(self, *, idle: bool) -> None:
        """Save the engine's state when it is due and affordable.

        A snapshot costs as much as the engine remembers. A quiet server takes one every :data:`SNAPSHOT_AFTER`
        entries; one that is busy waits for as many entries as it remembers observations, so that an entry's share of
        the cost stays the same.

        Raises
        ------
        StorageError
            If it cannot be saved; it is tried again.
        """
        since = self.sequence - self._snapshot_at
        if since >= SNAPSHOT_AFTER and (idle or since >= self.engine.remembered):
            with _making_what_lives_long():
                self._storage.save_snapshot(self.sequence, self.engine.snapshot())
            self._snapshot_at = self.sequence

    def _decide(self, arrival: Arrival, sequence: int) -> Entry:
        reading, outcome = arrival.reading, None
        alerts_json: tuple[str, ...] = ()
        try:
            outcome = self._apply(arrival.key, reading, arrival.received_ns)
            alerts_json = self._written(outcome)
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

    def _written(self, outcome: Outcome | None) -> tuple[str, ...]:
        alerts = outcome.alerts if outcome else ()
        return tuple(alert_json(alert, server_tag=self._server_tag) for alert in alerts)

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
