"""Entries as MongoDB documents, and back again exactly; and what to do with values that BSON cannot hold."""

import json
from datetime import UTC, datetime
from typing import Any

import bson
from bson.errors import InvalidDocument

from snews_cs.coincidence.types import Outcome
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S, posix_from_tai
from snews_cs.messages.types import MESSAGE, ConnectionTest, Member, Message, Nanoseconds, Reconcile
from snews_cs.storage.codec import OUTCOME, VERDICT, headers_of, json_text, packed, reading, unpacked
from snews_cs.storage.entry import Entry
from snews_cs.storage.tables import COLUMNS, Row, values

Document = dict[str, Any]

LAYOUT = 3
"""Version of the documents."""

LARGEST_PART = 4 * 2**20
"""What would take more bytes than this as a part of a document is kept as text (a document may have 16 MiB)."""


PACKED_FROM = 2**20
"""Outcome and alerts of more bytes than this are kept compressed: one retraction may end thousands of events, and must
fit into a document all the same, and be written in the time that there is."""


def identity(value: int | str) -> str:
    """Return the ``_id`` of what is known by a number or a name; numbers keep their order."""
    return f"{value:012d}" if isinstance(value, int) else value


def to_document(entry: Entry) -> Document:
    """Return an entry as a document. The message is a sub-document wherever BSON can hold it."""
    raw = entry.raw
    return {
        "_id": identity(entry.sequence),
        "sequence": entry.sequence,
        "key": entry.key,
        "received_ns": entry.received_ns,
        "raw": {
            "topic": raw.topic,
            "partition": raw.partition,
            "offset": raw.offset,
            "timestamp_ms": raw.timestamp_ms,
            "headers": headers_of(raw),
            "value": raw.value,
        },
        "message": None if entry.message is None else _message_part(entry.message),
        "verdict": VERDICT.dump_python(entry.verdict, mode="json"),
        "outcome": None if entry.outcome is None else _outcome_part(entry.outcome),
        "alerts": _alerts_part(entry.alerts_json),
        "writer": entry.writer,
        "attempt": entry.attempt,
        "claim": entry.claim,
        "published": entry.published,
    }


def from_document(document: Document) -> Entry:
    """Return the entry of a document; :class:`snews_cs.errors.StorageError` if it is not one."""
    with reading(int(document["_id"])):
        raw, message, outcome = document["raw"], document["message"], document["outcome"]
        return Entry(
            sequence=int(document["sequence"]),
            key=document["key"],
            received_ns=int(document["received_ns"]),
            raw=RawMessage(
                topic=raw["topic"],
                partition=int(raw["partition"]),
                offset=int(raw["offset"]),
                timestamp_ms=int(raw["timestamp_ms"]),
                headers=tuple((header["name"], header["value"]) for header in raw["headers"]),
                value=raw["value"],
            ),
            message=None if message is None else _message(message),
            verdict=VERDICT.validate_python(document["verdict"]),
            outcome=None if outcome is None else OUTCOME.validate_json(_unpacked(outcome)),
            alerts_json=_alerts(document["alerts"]),
            writer=document["writer"],
            attempt=document["attempt"],
            claim=document["claim"],
            published=document["published"],
        )


def to_row_document(row: Row) -> Document:
    """Return a row of a projection as a document; what is in its first column makes the ``_id``, too.

    A row that expires also gets ``expires``, a date, for the TTL index.
    """
    document = dict(zip(COLUMNS[type(row)], values(row), strict=True))
    if not _fits(document):
        document = {name: value if _fits({name: value}) else json_text(value) for name, value in document.items()}
    if "expires_ns" in document:
        document["expires"] = _date(document["expires_ns"])
    return {"_id": identity(values(row)[0]), **document}


def _message_part(message: Message) -> Document | str:
    if isinstance(message, ConnectionTest):
        return json_text(message)  # it holds what a client sent, in any shape
    plain: Document = MESSAGE.dump_python(message, mode="json")
    if isinstance(message, Reconcile):
        for alert in plain["alerts"]:
            alert["members"] = [_named(member) for member in alert["members"]]
    return plain if _fits(plain) else json_text(message)


def _outcome_part(outcome: Outcome) -> str | bytes:
    text = json_text(outcome)
    return text if len(text) <= PACKED_FROM else packed(text.encode())


def _alerts_part(alerts: tuple[str, ...]) -> list[str] | bytes:
    return list(alerts) if sum(map(len, alerts)) <= PACKED_FROM else packed(json_text(alerts).encode())


def _alerts(part: list[str] | bytes) -> tuple[str, ...]:
    return tuple(json.loads(_unpacked(part)) if isinstance(part, bytes) else part)


def _unpacked(part: str | bytes) -> str | bytes:
    return unpacked(part) or b"" if isinstance(part, bytes) else part


def _message(part: Document | str) -> Message:
    return MESSAGE.validate_json(part) if isinstance(part, str) else MESSAGE.validate_python(part)


def _named(member: list[Any]) -> Document:
    return dict(zip(Member._fields, member, strict=True))


def _fits(document: Document) -> bool:
    """Whether MongoDB keeps it as it is: integers of 64 bits, names without ``$``, ``.`` and NUL, not too large."""
    try:
        return len(bson.encode(document, check_keys=True)) <= LARGEST_PART
    except (InvalidDocument, OverflowError):
        return False


def _date(time_ns: Nanoseconds) -> datetime:
    """Return the UTC second that a TAI time is in."""
    return datetime.fromtimestamp(posix_from_tai(time_ns) // NS_PER_S, UTC)
