"""The first application's storage, over this server's store: what is inserted is journaled like any message."""

# ruff: noqa: N802  # the names are the first application's

import json
import re
import time as clocks
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from snews_cs.coincidence.types import Outcome
from snews_cs.errors import MessageRefused
from snews_cs.messages.admission import AdmissionPolicy, read_message
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.strict_json import loads
from snews_cs.messages.times import posix_from_tai, tai_from_posix
from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.arrival import Arrival
from snews_cs.server.journal import Journal
from snews_cs.server.projector import Projector
from snews_cs.snews2_app.interfaces import IStorage, Message, Time
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

TOPIC = "snews2_app"
"""Where an entry's message came from, as the journal has it, if it was inserted here."""


def _now() -> Nanoseconds:
    return tai_from_posix(clocks.time_ns())


class JournalStorage(IStorage):
    """A store of this server that messages are inserted into by hand.

    Every method raises :class:`snews_cs.errors.StoreUnreachable` when the store does not answer. One thread uses it at
    a time.

    Parameters
    ----------
    store
        The store (:func:`snews_cs.storage.open.open_storage`); it stays the caller's, to be closed.
    registry
        The detectors that may speak; by default the packaged ones.
    parameters
        What to decide with; by default what the journal says, or this server's defaults in a new one.
    writer
        Who writes, as the journal and the alerts say.
    now
        The clock, TAI ns.
    """

    def __init__(
        self,
        store: Storage,
        *,
        registry: Registry | None = None,
        parameters: Parameters | None = None,
        writer: str = TOPIC,
        now: Callable[[], Nanoseconds] = _now,
    ) -> None:
        self._store = store
        self._policy = AdmissionPolicy(registry=registry or Registry.load())
        self._now = now
        self._journal = Journal(store, writer)
        self._projector = Projector(store, clocks.monotonic)
        self._outcome: Outcome | None = None
        self._journal.restore()
        self._catch_up()
        while parameters is not None and self._journal.engine.parameters != parameters:
            if self._journal.append_parameters(parameters, now()):
                break
            self._catch_up()

    @property
    def outcome(self) -> Outcome | None:
        """What the engine made of the message that was inserted last; None if it was refused, or none was."""
        return self._outcome

    def insert(self, time: Time, neutrino_time: Time | None, message: Message) -> str:
        """Journal a message, decide what follows from it, and return the ``_id`` of its entry.

        Parameters
        ----------
        time, neutrino_time
            When it was sent, and the burst's time: they stand above what the message itself says.
        message
            The message, in any JSON form that the server reads.

        Raises
        ------
        MessageRefused
            If it does not count; it is kept in quarantine, with the reason, unless it is text and no JSON object.
        """
        self._outcome = None
        arrival = self._read(_fields(message, time, neutrino_time))
        entries = [entry for stood in self._journal.take([arrival]) for entry in stood.entries]
        self._projector.add(entries)
        self._projector.project()
        entry = next(entry for entry in entries if entry.key == arrival.key)
        self._outcome = entry.outcome
        if entry.verdict.reason is not None:
            raise MessageRefused(entry.verdict.reason)
        return _post_id(entry)

    def getAllMessages(self) -> list[dict[str, Any]]:
        """Return the messages that were ever inserted here, by whom ever, and counted, in the order of the journal."""
        return [_message(entry) for entry in self._store.entries() if _was_inserted(entry)]

    def cacheEmpty(self) -> bool:
        """Whether no real observation is live: each that there was is over, or there was none but tests."""
        now_ns = self._now()
        caches = [cache for key, cache in self._journal.engine.caches.items() if not key.is_test]
        return not any(line.expires_ns > now_ns for cache in caches for line in cache.lines())

    def getMsgFromStrID(self, post_id: str) -> dict[str, Any]:
        """Return the message that :meth:`insert` gave that id.

        Raises
        ------
        KeyError
            If it gave none such.
        """
        entry = self._store.entry(int(post_id)) if re.fullmatch("[0-9]{12,18}", post_id) else None
        if entry is None or not _was_inserted(entry):
            raise KeyError(post_id)
        return _message(entry)

    def _catch_up(self) -> None:
        for _ in self._journal.adopt():
            pass

    def _read(self, fields: dict[str, Any]) -> Arrival:
        """Return a message as if it had come from a topic."""
        received_ns = self._now()
        raw = RawMessage(
            topic=TOPIC,
            partition=0,
            offset=self._journal.sequence,
            timestamp_ms=posix_from_tai(received_ns) // 10**6,
            headers=(("_id", uuid4().bytes),),
            value=json.dumps(fields).encode(),
        )
        reading = read_message(raw, received_ns, self._policy)
        return Arrival(key=raw.key, raw=mask_passwords(raw, None), reading=reading, received_ns=received_ns)


def _fields(message: Message, time: Time, neutrino_time: Time | None) -> dict[str, Any]:
    """Return the JSON object of a message, with these times.

    Raises
    ------
    MessageRefused
        If it is text, and no JSON object.
    """
    if isinstance(message, str):
        message = loads(message)
        if not isinstance(message, dict):
            raise MessageRefused("the message is not a JSON object")
    fields = dict(message) if isinstance(message, Mapping) else asdict(message)
    times = {"sent_time": str(time)} | ({} if neutrino_time is None else {"neutrino_time": str(neutrino_time)})
    return fields | times


def _was_inserted(entry: Entry) -> bool:
    """Whether a message was inserted here, and counted."""
    return entry.raw.topic == TOPIC and entry.verdict.accepted


def _post_id(entry: Entry) -> str:
    """Return the ``_id`` of an entry's document in MongoDB."""
    return f"{entry.sequence:012d}"


def _message(entry: Entry) -> dict[str, Any]:
    """Return a message as it was inserted."""
    content: dict[str, Any] = json.loads(entry.raw.value or b"")
    return content
