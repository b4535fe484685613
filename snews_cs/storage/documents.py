"""Entries as MongoDB documents, and back again exactly; and what to do with values that BSON cannot hold."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import bson
from bson.errors import InvalidDocument
from pydantic import TypeAdapter

from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S, posix_from_tai
from snews_cs.messages.types import MESSAGE, Nanoseconds
from snews_cs.storage.codec import OUTCOME, VERDICT, headers_of, json_text, reading
from snews_cs.storage.entry import Entry
from snews_cs.storage.tables import COLUMNS, Row, values

Document = dict[str, Any]
T = TypeVar("T")

LARGEST_PART = 4 * 2**20
"""What would take more bytes than this as a part of a document is kept as text (a document may have 16 MiB)."""


def to_document(entry: Entry) -> Document:
    """Return an entry as a document. Message and outcome are sub-documents wherever BSON can hold them."""
    raw = entry.raw
    return {
        "_id": entry.sequence,
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
        "message": None if entry.message is None else _part(MESSAGE, entry.message),
        "verdict": _part(VERDICT, entry.verdict),
        "outcome": None if entry.outcome is None else _part(OUTCOME, entry.outcome),
        "alerts": list(entry.alerts_json),
        "writer": entry.writer,
        "attempt": entry.attempt,
        "published": entry.published,
    }


def from_document(document: Document) -> Entry:
    """Return the entry of a document; :class:`snews_cs.errors.StorageError` if it is not one."""
    raw, message, outcome = document["raw"], document["message"], document["outcome"]
    with reading(document["_id"]):
        return Entry(
            sequence=int(document["_id"]),
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
            message=None if message is None else _whole(MESSAGE, message),
            verdict=_whole(VERDICT, document["verdict"]),
            outcome=None if outcome is None else _whole(OUTCOME, outcome),
            alerts_json=tuple(document["alerts"]),
            writer=document["writer"],
            attempt=document["attempt"],
            published=document["published"],
        )


def to_row_document(row: Row) -> Document:
    """Return a row of a projection as a document; its first column is the ``_id``.

    A row that expires also gets ``expires``, a date, for the TTL index.
    """
    document = dict(zip(COLUMNS[type(row)], values(row), strict=True))
    if not _fits(document):
        document = {name: value if _fits({name: value}) else json_text(value) for name, value in document.items()}
    if "expires_ns" in document:
        document["expires"] = _date(document["expires_ns"])
    document["_id"] = document.pop(COLUMNS[type(row)][0])
    return document


def _part(adapter: TypeAdapter[T], value: T) -> Document | str:
    plain: Document = adapter.dump_python(value, mode="json")
    return plain if _fits(plain) else json_text(value)


def _whole(adapter: TypeAdapter[T], part: Document | str) -> T:
    return adapter.validate_json(part) if isinstance(part, str) else adapter.validate_python(part)


def _fits(document: Document) -> bool:
    """Whether MongoDB keeps it as it is: integers of 64 bits, names without ``$``, ``.`` and NUL, not too large."""
    try:
        return len(bson.encode(document, check_keys=True)) <= LARGEST_PART
    except (InvalidDocument, OverflowError):
        return False


def _date(time_ns: Nanoseconds) -> datetime:
    """Return the UTC second that a TAI time is in."""
    return datetime.fromtimestamp(posix_from_tai(time_ns) // NS_PER_S, UTC)
