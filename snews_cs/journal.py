"""The journal and the engine that is its fold: what is appended is what was decided, and the other way round."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from uuid import uuid4

import structlog

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.snapshot import UnreadableSnapshot
from snews_cs.coincidence.types import Outcome
from snews_cs.errors import AppendConflict, StorageError
from snews_cs.messages.admission import Reading
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Message, Nanoseconds, Parameters, Verdict
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

SNAPSHOT_AFTER = 1_000
"""Entries between two snapshots of the engine; under load at least as many as there are live observations."""


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
        self._decided = 0

    def restore(self) -> None:
        """Take up the newest snapshot; :meth:`adopt` then brings the entries after it."""
        snapshot = self._storage.latest_snapshot()
        if snapshot is not None:
            sequence, state = snapshot
            try:
                with _no_collections():
                    self.engine = Engine.restore(state)
            except UnreadableSnapshot as error:
                log.warning("reading the whole journal instead of its snapshot", error=str(error))
            else:
                self.sequence = self._snapshot_at = sequence

    def adopt(self) -> Iterator[Entry]:
        """Apply and yield the entries that stand after :attr:`sequence`, whoever wrote them.

        The outcome must be the one in the entry: a difference means that two versions or two histories disagree. The
        entry stands all the same, and the alarm is raised.
        """
        for entry in self._storage.entries(after=self.sequence):
            outcome = self._apply(entry.message, entry.verdict, entry.received_ns, entry.key)
            if outcome != entry.outcome:
                log.critical(
                    "ALARM: this engine decides otherwise than the journal says",
                    sequence=entry.sequence,
                    key=entry.key,
                    writer=entry.writer,
                )
            self.engine.settle()
            self.sequence = entry.sequence
            yield entry

    def unknown(self, messages: Sequence[RawMessage]) -> list[tuple[str, RawMessage]]:
        """Return the messages that are not in the journal, each once, with their keys."""
        by_key = {message.key: message for message in messages}
        known = self._storage.known_keys(list(by_key))
        return [(key, message) for key, message in by_key.items() if key not in known]

    def decide(self, key: str, raw: RawMessage, reading: Reading, received_ns: Nanoseconds) -> Entry:
        """Apply a message and return the entry to append; :meth:`append` or :meth:`undo` must follow.

        Parameters
        ----------
        key
            The message's identity.
        raw
            The record to keep, passwords masked.
        reading
            What was understood, and the verdict.
        received_ns
            When it was taken in.
        """
        try:
            outcome = self._apply(reading.message, reading.verdict, received_ns, key)
        except Exception as error:
            # A fault of the engine must cost one message, not the server: the engine has undone it.
            log.critical("ALARM: the engine failed on a message", key=key, exc_info=True)
            verdict = Verdict(reason=f"internal error: {type(error).__name__}")
            reading, outcome = Reading(message=reading.message, verdict=verdict), None
        self._decided += 1
        alerts = outcome.alerts if outcome else ()
        return Entry(
            sequence=self.sequence + self._decided,
            key=key,
            received_ns=received_ns,
            raw=raw,
            message=reading.message,
            verdict=reading.verdict,
            outcome=outcome,
            alerts_json=tuple(alert_json(alert, server_tag=self._server_tag) for alert in alerts),
            writer=self._server_tag,
            attempt=uuid4().hex,
            published=not alerts,
        )

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append what was decided durably and return the entries that stand.

        Fewer than given come back if another server wrote first: the rest was undone, and is to be decided again
        after :meth:`adopt`.

        Raises
        ------
        StoreUnreachable
            Everything was undone; what was written all the same comes back with :meth:`adopt`.
        """
        try:
            self._storage.append(entries)
        except AppendConflict as conflict:
            log.info("another server wrote first", error=str(conflict), appended=conflict.appended)
            standing = entries[: conflict.appended]
        except StorageError:
            self._take_back(entries, 0)
            raise
        else:
            standing = entries
        self._take_back(entries, len(standing))
        self.engine.settle()
        self.sequence += len(standing)
        return list(standing)

    def adopt_parameters(self, parameters: Parameters, received_ns: Nanoseconds) -> list[Entry]:
        """Journal the parameters to decide with, if they are not those in force."""
        if parameters == self.engine.parameters:
            return []
        if self.sequence:
            log.warning("the engine's parameters change", **_differences(self.engine.parameters, parameters))
        raw = RawMessage("", -1, self.sequence + 1, -1, (), None)
        reading = Reading(message=parameters, verdict=Verdict())
        return self.append([self.decide(f"parameters/{uuid4().hex}", raw, reading, received_ns)])

    def keep_snapshot(self, *, idle: bool) -> None:
        """Save the engine's state when it is due and affordable.

        A snapshot costs as much as there are live observations. A quiet server takes one every
        :data:`SNAPSHOT_AFTER` entries; one that is busy waits for as many entries as there are observations, so that
        an entry's share of the cost stays the same.
        """
        since = self.sequence - self._snapshot_at
        live = sum(cache.size for cache in self.engine.caches.values())
        if since >= SNAPSHOT_AFTER and (idle or since >= live):
            with _no_collections():
                self._storage.save_snapshot(self.sequence, self.engine.snapshot())
            self._snapshot_at = self.sequence

    def _apply(self, message: Message | None, verdict: Verdict, received_ns: Nanoseconds, key: str) -> Outcome | None:
        if message is None or not verdict.accepted:
            return None
        return self.engine.apply(message, received_ns, key)

    def _take_back(self, entries: Sequence[Entry], standing: int) -> None:
        for entry in reversed(entries[standing:]):
            if entry.outcome is not None:
                self.engine.undo()
        self._decided = 0


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector away while much is made that lives long, and let it pass over that afterwards.

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
