"""What must be true in the end, whatever happened."""

import json
from collections.abc import Iterable
from uuid import uuid5

from snews_cs.coincidence.engine import Engine
from snews_cs.messages.times import format_utc
from snews_cs.server.notices import NAMESPACE
from tests.protocol.broker import ALERTS, TESTING, Broker, Written
from tests.protocol.store import Shelf
from tests.support.fold import check_fold
from tests.support.readers import Told, check_belief, check_told


def check_journal(shelf: Shelf, broker: Broker, engine_class: type[Engine]) -> Engine:
    """Check the journal against the topic and against the engine's fold, and return the engine as it leaves it."""
    keys = [entry.key for entry in shelf.entries if entry.raw.partition >= 0]
    assert sorted(keys) == sorted(record.key for records in broker.records for record in records)
    return check_fold(shelf.entries, engine_class)


def check_projected(shelf: Shelf) -> None:
    """Check that the projections are at the journal's end, and all alerts marked."""
    assert shelf.projected == len(shelf.entries)
    assert not shelf.claims


def check_readers(shelf: Shelf, broker: Broker, engine: Engine) -> None:
    """Check what was published, and what readers believe."""
    told = Told(*([record.content for record in alert_records(broker, topic)] for topic in (ALERTS, TESTING)))
    check_told(shelf.entries, told)
    check_belief(shelf.entries, engine, told, broker.forgotten)


def check_notices(shelf: Shelf, broker: Broker) -> None:
    """Check that who journaled a message, and nobody else, tells of it, once; who is alone speaks for itself.

    Some messages are told of by nobody: who took them in has died.
    """
    silent = {
        uuid5(NAMESPACE, entry.key).bytes: entry
        for entry in shelf.entries
        if entry.outcome is not None and not entry.outcome.alerts
    }
    told = [(notice.message_id, json.loads(notice.payload)) for notice in broker.notices]
    journaled = [message_id for message_id, content in told if not content["degraded"]]
    assert len(journaled) == len(set(journaled))
    for message_id, content in told:
        if not content["degraded"]:
            entry = silent[message_id]
            assert (content["server_tag"], content["sent_time"]) == (entry.writer, format_utc(entry.received_ns))


def alert_records(broker: Broker, topic: str) -> list[Written]:
    """Return the alerts on a topic; answers to connection tests are passed over."""
    return [record for record in broker.written[topic] if "alert_uuid" in record.content]


def first_appearances(records: Iterable[Written]) -> dict[str, Written]:
    """Return the first record of each alert, in order."""
    first: dict[str, Written] = {}
    for record in records:
        first.setdefault(record.content["alert_uuid"], record)
    return first
