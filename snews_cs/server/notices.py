"""Notices (``NO_COINCIDENCE_TOPIC``): each accepted observation that raises no alert is told why.

The server that takes a message in writes its notice, and sends it after the alerts of that round; nothing waits for it.
Which notices went out is not journaled: a crash loses those that were not sent yet.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import CacheKey, Disposition, Outcome, SublistRecord
from snews_cs.messages.decoders.server_alert import NOTICE_ID
from snews_cs.messages.times import describe_duration, format_utc
from snews_cs.messages.types import Nanoseconds, Observation
from snews_cs.storage.entry import Entry
from snews_cs.streams.publication import Publication

SCHEMA_VERSION = "1.0"

NAMESPACE = UUID("b3c1f0a4-6d0e-5b5f-9c55-7d1c2f0e4a96")
"""Of the ids of notices: UUIDv5 of the key of the message."""

_REASONS = {
    Disposition.REPEATED: "the same as an observation of this detector that is known already",
    Disposition.DUPLICATE: "this very message came before",
    Disposition.RETRACTED_BEFORE: "its retraction came before it",
    Disposition.EXPIRED: "its time was over when it came",
}


def notice_content(
    message: Observation,
    outcome: Outcome,
    received_ns: Nanoseconds,
    engine: Engine,
    *,
    server_tag: str,
    is_firedrill: bool = False,
    degraded: bool = False,
) -> dict[str, Any]:
    """Return what the notice of an observation that raised no alert says.

    Parameters
    ----------
    received_ns
        When the message was taken in, TAI ns.
    engine
        As the message leaves it, for the sublists of what was known already.
    server_tag, is_firedrill, degraded
        Who sends it, whether in a firedrill, and whether while the store cannot be reached.
    """
    sent_time = format_utc(received_ns)
    identifier = f"{NOTICE_ID} {sent_time}"
    sublists = _sublists(message, outcome, engine)
    return {
        "_id": identifier,
        "id": identifier,
        "detector_name": message.detector_name,
        "message_uuid": message.message_uuid,
        "neutrino_time": format_utc(message.neutrino_time_ns),
        "became": str(outcome.disposition),
        "sub_list_numbers": [sublist.number for sublist in sublists],
        "event_ids": [sublist.event_id for sublist in sublists if sublist.event_id is not None],
        "reason": _reason(outcome, sublists, engine),
        "is_test": message.is_test,
        "is_pre_sn": message.is_pre_sn,
        "is_firedrill": is_firedrill,
        "degraded": degraded,
        "server_tag": server_tag,
        "sent_time": sent_time,
        "schema_version": SCHEMA_VERSION,
    }


class Notices:
    """The notices that are to be sent.

    Parameters
    ----------
    topic
        A full ``kafka://`` address; None: nobody is told anything.
    send
        Takes notices to the topic; neither waits nor fails (:meth:`snews_cs.server.courier.Courier.give`).
    server_tag
        Name of the server that writes them.
    is_firedrill
        Whether it takes part in a firedrill.
    """

    def __init__(
        self,
        topic: str | None,
        send: Callable[[Sequence[Publication]], None],
        *,
        server_tag: str,
        is_firedrill: bool = False,
    ) -> None:
        self._topic = topic
        self._send = send
        self._server_tag = server_tag
        self._is_firedrill = is_firedrill
        self._written: list[Publication] = []

    def take(self, entries: Iterable[Entry], engine: Engine, *, is_alone: bool) -> None:
        """Write the notices of messages that this server has taken in.

        Parameters
        ----------
        engine
            As the entries leave it.
        is_alone
            Whether they were decided while the store is away.
        """
        if self._topic is None:
            return
        for entry in entries:
            message, outcome = entry.message, entry.outcome
            if not isinstance(message, Observation) or outcome is None or outcome.alerts:
                continue
            content = notice_content(
                message,
                outcome,
                entry.received_ns,
                engine,
                server_tag=self._server_tag,
                is_firedrill=self._is_firedrill,
                degraded=is_alone,
            )
            notice = Publication(
                url=self._topic,
                key=message.detector_name,
                payload=json.dumps(content, allow_nan=False).encode(),
                message_id=uuid5(NAMESPACE, entry.key).bytes,
            )
            self._written.append(notice)

    def send(self) -> None:
        """Send what was written since the last time."""
        if self._written:
            self._send(self._written)
            self._written = []


def _sublists(message: Observation, outcome: Outcome, engine: Engine) -> Sequence[SublistRecord]:
    """Return the sublists that the observation is in: all of them changed if it is a new or a refined one."""
    if not outcome.lines:
        return _sublists_now(message, engine)
    (line,) = outcome.lines
    return [sublist for sublist in outcome.sublists if line.line_id in sublist.line_ids]


def _sublists_now(message: Observation, engine: Engine) -> Sequence[SublistRecord]:
    """Return the sublists that an observation is in which was known already; none if it is no longer live."""
    cache = engine.caches[CacheKey(message.is_test, message.is_pre_sn)]
    found = {
        sublist.number: sublist
        for line in cache.lines_of_message((message.detector_name, message.message_uuid))
        for sublist in cache.sublists_near(line.time_ns, engine.parameters.coincidence_threshold_ns)
        if line in sublist.lines
    }
    return [cache.sublist_record(found[number]) for number in sorted(found)]


def _reason(outcome: Outcome, sublists: Sequence[SublistRecord], engine: Engine) -> str:
    if outcome.disposition in _REASONS:
        return _REASONS[outcome.disposition]
    if any(sublist.event_id is not None for sublist in sublists):
        return "the alert that stands counts an earlier observation of this detector"
    within = describe_duration(engine.parameters.coincidence_threshold_ns)
    return f"no other detector saw anything within {within} of it"
