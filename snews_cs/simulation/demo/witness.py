"""What really happened: the server's journal, and the alert topic as a subscriber reads it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import pandas as pd

from snews_cs.coincidence.frame import cache_frame
from snews_cs.coincidence.types import CacheKey, LineRecord, Outcome, SublistRecord
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.streams.alerts import AlertStream

REAL = CacheKey(is_test=False, is_pre_sn=False)
_WEEK_NS = 7 * 86_400 * 10**9


class Delivery(NamedTuple):
    """An alert in the reader's hands, and how long after the write of the message that caused it, ms.

    ``exact`` tells whether the detector noted the time of its write; else it is the record's Kafka timestamp, which the
    detector's client sets when it writes, cut to ms.
    """

    alert: dict[str, Any]
    latency_ms: float
    exact: bool


@dataclass
class Sky:
    """The real observations and sublists as the journal's outcomes leave them."""

    lines: dict[int, LineRecord] = field(default_factory=dict)
    sublists: dict[int, SublistRecord] = field(default_factory=dict)

    def apply(self, outcome: Outcome) -> set[int]:
        """Take in what one message changed; return the numbers of the real sublists that it changed."""
        moved = {line.line_id: line for line in outcome.lines if line.cache == REAL}
        self.lines.update(moved)
        for line_id in outcome.lines_gone:
            self.lines.pop(line_id, None)
        changed = {record.number: record for record in outcome.sublists if record.cache == REAL}
        self.sublists.update(changed)
        gone = {number for cache, number in outcome.sublists_gone if cache == REAL}
        for number in gone:
            self.sublists.pop(number, None)
        holding = {number for number, record in self.sublists.items() if moved.keys() & set(record.line_ids)}
        return changed.keys() | gone | holding

    @property
    def frame(self) -> pd.DataFrame:
        """The cache as :func:`snews_cs.coincidence.frame.cache_frame` shows it."""
        return cache_frame(list(self.lines.values()), [self.sublists[number] for number in sorted(self.sublists)])


class Witness:
    """Reads the journal of a server that runs, and the alerts that it publishes.

    Parameters
    ----------
    store
        The server's SQLite file.
    alert_topics
        ``kafka://HOST[:PORT]/TOPIC``.
    """

    def __init__(self, store: Path, alert_topics: list[str]) -> None:
        self.sky = Sky()
        self.delivered: dict[str, dict[str, Any]] = {}
        self.written_unix_ns: dict[UUID, int] = {}
        self._arrived_unix_ns: dict[str, int] = {}
        self._sequence = 0
        self._journal = SqliteStorage(store, heartbeats_kept_ns=_WEEK_NS)
        self._journal.prepare()
        self._streams = [AlertStream(topic, auth=False, from_beginning=True) for topic in alert_topics]

    def entries(self) -> list[Entry]:
        """Return what the server has journaled since the last call."""
        found = list(self._journal.entries(after=self._sequence))
        if found:
            self._sequence = found[-1].sequence
        return found

    def listen(self) -> None:
        """Take in the alerts that have arrived."""
        for stream in self._streams:
            for received in stream.batch(0.0):
                uuid = received.content.get("alert_uuid")
                if isinstance(uuid, str) and uuid not in self.delivered:
                    self.delivered[uuid] = received.content
                    self._arrived_unix_ns[uuid] = received.arrived_unix_ns

    def delivery(self, entry: Entry, alert_uuid: str) -> Delivery | None:
        """Return an alert that an entry caused as it was delivered, None if it has not been yet."""
        alert = self.delivered.get(alert_uuid)
        if alert is None:
            return None
        hop_id = entry.raw.header("_id")
        noted = self.written_unix_ns.get(UUID(bytes=hop_id)) if hop_id and len(hop_id) == 16 else None
        written_ns: Nanoseconds = entry.raw.timestamp_ms * 10**6 if noted is None else noted
        return Delivery(alert, (self._arrived_unix_ns[alert_uuid] - written_ns) / 1e6, noted is not None)

    def close(self) -> None:
        """Stop reading."""
        for stream in self._streams:
            stream.close()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
