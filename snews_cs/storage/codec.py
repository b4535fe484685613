"""Entries as JSON and as rows: what the stores keep, and back again exactly.

Messages, verdicts and outcomes are kept as JSON in the shape of their dataclasses (tuples as lists, enumerations by
value), so that a person can read them. Bytes are never JSON, except for the values of headers: those are base64.
"""

import json
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from snews_cs.coincidence.types import Outcome
from snews_cs.errors import StorageError
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import MESSAGE, Verdict
from snews_cs.storage.entry import Entry

OUTCOME = TypeAdapter(Outcome)
VERDICT = TypeAdapter(Verdict)

ROW = (
    "sequence",
    "key",
    "received_ns",
    "writer",
    "attempt",
    "claim",
    "published",
    "topic",
    "partition",
    "offset",
    "timestamp_ms",
    "headers",
    "verdict",
    "alerts",
    "outcome",
    "message",
    "value",
)
"""The columns of an entry's row, the large ones last."""


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return a value of ours as JSON text; NaN and infinities stay what they are, bytes become base64."""
    return to_json(value, indent=indent, inf_nan_mode="constants", bytes_mode="base64").decode()


def headers_of(raw: RawMessage) -> list[dict[str, Any]]:
    """Return a message's Kafka headers as plain data: name and value of each, in order."""
    return [{"name": name, "value": value} for name, value in raw.headers]


def to_row(entry: Entry) -> tuple[Any, ...]:
    """Return an entry as the values of :data:`ROW`."""
    raw = entry.raw
    return (
        entry.sequence,
        entry.key,
        entry.received_ns,
        entry.writer,
        entry.attempt,
        entry.claim,
        entry.published,
        raw.topic,
        raw.partition,
        raw.offset,
        raw.timestamp_ms,
        json_text(headers_of(raw)),
        json_text(entry.verdict),
        json_text(entry.alerts_json),
        None if entry.outcome is None else json_text(entry.outcome),
        None if entry.message is None else json_text(entry.message),
        raw.value,
    )


def from_row(row: tuple[Any, ...]) -> Entry:
    """Return the entry of a row; :class:`snews_cs.errors.StorageError` if it is not one."""
    sequence, key, received_ns, writer, attempt, claim, published, *rest = row
    topic, partition, offset, timestamp_ms, headers, verdict, alerts, outcome, message, value = rest
    with reading(sequence):
        return Entry(
            sequence=sequence,
            key=key,
            received_ns=received_ns,
            raw=RawMessage(topic, partition, offset, timestamp_ms, _headers(headers), value),
            message=None if message is None else MESSAGE.validate_json(message),
            verdict=VERDICT.validate_json(verdict),
            outcome=None if outcome is None else OUTCOME.validate_json(outcome),
            alerts_json=tuple(json.loads(alerts)),
            writer=writer,
            attempt=attempt,
            claim=claim,
            published=bool(published),
        )


def packed(state: bytes) -> bytes:
    """Return a snapshot as it is stored: compressed, to a seventh or so in a third of the time of writing it whole."""
    return zlib.compress(state, 1)


def unpacked(stored: bytes) -> bytes | None:
    """Return the snapshot that is stored, None if it is damaged: the journal has it all."""
    try:
        return zlib.decompress(stored)
    except zlib.error:
        return None


@contextmanager
def reading(sequence: int) -> Iterator[None]:
    """Say which entry it is that cannot be understood: written by another version, or damaged."""
    try:
        yield
    except (KeyError, ValueError) as error:
        raise StorageError(f"entry {sequence} of the journal cannot be read") from error


def _headers(text: str) -> tuple[tuple[str, bytes | None], ...]:
    return tuple(
        (header["name"], None if header["value"] is None else urlsafe_b64decode(header["value"]))
        for header in json.loads(text)
    )
