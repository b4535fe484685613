"""A broker that all servers share, and how one server sees it."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from snews_cs.errors import BrokerUnreachable
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import posix_from_tai
from snews_cs.streams.publication import Publication
from tests.protocol.machine import START, Machine
from tests.protocol.store import Shelf
from tests.protocol.weather import Weather
from tests.protocol.world import MS, SECOND

OBSERVATIONS = "experiments"
ALERTS = "alerts"
TESTING = "testing"


class Said(NamedTuple):
    """What a detector says, on which partition, and when it reaches the broker (ns)."""

    time_ns: int
    partition: int
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Written(NamedTuple):
    """A record on a topic that servers write to: when, by whom, whether that server was alone, and the content."""

    time_ns: int
    writer: str
    is_alone: bool
    content: dict[str, Any]


class Broker:
    """The topics, and up to where the consumer group has read.

    Parameters
    ----------
    weather
        Says when the broker is away for all; what is said meanwhile comes when it is back.
    said
        What detectors say.
    shelf
        The journal that the committed offsets are never to be ahead of.

    Attributes
    ----------
    records
        The observation topic: the records of each partition, and when each came (``arrivals_ns``).
    committed
        The committed offset of each partition.
    written
        What stands on each of the other topics.
    notices
        What each server told of observations without an alert: those handed to the courier count as sent.
    answers
        What each server answered to connection tests: those handed to the courier, too.
    forgotten
        Events of alerts sent by a server that had neither store nor disk, and died, or had just been started.
    """

    def __init__(self, weather: Weather, said: Sequence[Said], shelf: Shelf) -> None:
        self.records: list[list[RawMessage]] = [[] for _ in range(weather.partitions)]
        self.arrivals_ns: list[list[int]] = [[] for _ in range(weather.partitions)]
        self.committed = [0] * weather.partitions
        self.written: defaultdict[str, list[Written]] = defaultdict(list)
        self.notices: list[Publication] = []
        self.answers: list[Publication] = []
        self.forgotten: set[str] = set()
        self._shelf = shelf
        for each in sorted(said, key=lambda each: each.time_ns):
            self._take(each, weather)

    def _take(self, said: Said, weather: Weather) -> None:
        records, arrivals_ns = self.records[said.partition], self.arrivals_ns[said.partition]
        time_ns = max(said.time_ns, arrivals_ns[-1] if arrivals_ns else 0)
        for outage in weather.outages:
            if outage.link == "broker" and outage.server is None and outage.start_ns <= time_ns < outage.end_ns:
                time_ns = outage.end_ns
        timestamp_ms = posix_from_tai(START + said.time_ns) // MS
        records.append(RawMessage(OBSERVATIONS, said.partition, len(records), timestamp_ms, said.headers, said.value))
        arrivals_ns.append(time_ns)

    def commit(self, offsets: dict[int, int]) -> None:
        """Take offsets that a server commits; every record below them must be in the journal."""
        for partition, offset in offsets.items():
            for record in self.records[partition][:offset]:
                assert record.key in self._shelf.keys, f"{record.key} is committed as {offset}, and not in the journal"
            self.committed[partition] = offset


class SimulatedStream:
    """The observation topic as a server reads it (:class:`snews_cs.streams.observations.ObservationStream`)."""

    def __init__(self, machine: Machine, broker: Broker) -> None:
        self._machine = machine
        self._broker = broker
        self._next: list[int] | None = None
        self._first: list[int] = []
        self._done: dict[int, int] = {}

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Wait for records, and return some of those that are there."""
        machine, chance = self._machine, self._machine.world.random
        self._commit()
        end_ns = machine.world.now_ns + round(timeout_s * SECOND)
        while True:
            if self._is_away():
                self._next = None  # the topic is opened again when the broker is back
            elif self._next is None:
                self._next, self._first = list(self._broker.committed), list(self._broker.committed)
                self._done.clear()
            found = self._take(limit)
            if found:
                machine.step("read " + ", ".join(f"{record.partition}/{record.offset}" for record in found))
                return found
            left_ns = end_ns - machine.world.now_ns
            if left_ns <= 0:
                return []
            machine.rest(min(left_ns, self._until_next()) + chance.randrange(2 * MS))

    def mark_done(self, messages: Sequence[RawMessage]) -> None:
        """Note that these need not come again; commit it now or later, if the topic was not opened again since."""
        for message in messages:
            partition, offset = message.partition, message.offset
            if self._next is not None and self._first[partition] <= offset < self._next[partition]:
                self._done[partition] = offset + 1
        if self._done and self._machine.world.random.random() < 0.5:
            self._commit()

    def _commit(self) -> None:
        if self._done and not self._is_away():
            self._machine.step(f"commit {self._done}")
            self._broker.commit(self._done)
            self._done.clear()

    def _is_away(self) -> bool:
        return self._machine.weather.is_away("broker", self._machine.number, self._machine.world.now_ns)

    def _take(self, limit: int) -> list[RawMessage]:
        if self._next is None:
            return []
        chance, broker, now_ns = self._machine.world.random, self._broker, self._machine.world.now_ns
        waiting = {
            partition: bisect_right(broker.arrivals_ns[partition], now_ns) - offset
            for partition, offset in enumerate(self._next)
        }
        found: list[RawMessage] = []
        most = min(limit, chance.choice((1, 3, 10, limit)))
        while len(found) < most and (ready := [partition for partition, count in waiting.items() if count > 0]):
            partition = chance.choice(ready)
            found.append(broker.records[partition][self._next[partition]])
            self._next[partition] += 1
            waiting[partition] -= 1
        return found

    def _until_next(self) -> int:
        """Return how long until the next record comes, ns."""
        if self._next is None:
            return 50 * MS
        now_ns = self._machine.world.now_ns
        coming = [
            arrivals_ns[offset] - now_ns
            for offset, arrivals_ns in zip(self._next, self._broker.arrivals_ns, strict=True)
            if offset < len(arrivals_ns)
        ]
        return max(0, min(coming, default=3_600 * SECOND))


class SimulatedPublisher:
    """What a server publishes with (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def __init__(self, machine: Machine, broker: Broker) -> None:
        self._machine = machine
        self._broker = broker

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Write in order; if it fails, some may be written."""
        machine = self._machine
        for publication in publications:
            content = json.loads(publication.payload)
            what = f"publish {content.get('alert_type', 'an answer')} {str(content.get('alert_uuid'))[:8]}"

            def write(topic: str = publication.url, content: dict[str, Any] = content) -> None:
                record = Written(machine.world.now_ns, machine.tag, machine.is_alone(), content)
                self._broker.written[topic].append(record)
                if machine.is_amnesic and machine.is_alone() and "event_id" in content:
                    self._broker.forgotten.update([content["event_id"], *content["merged_event_ids"]])

            machine.call("broker", what, write, BrokerUnreachable, late=write)

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return the newest records of a topic."""
        assert since is not None
        return self._machine.call(
            "broker",
            f"tail of {topic}",
            lambda: [each.content for each in self._broker.written[topic][-limit:] if _utc(each.time_ns) >= since],
            BrokerUnreachable,
        )


def _utc(time_ns: int) -> datetime:
    posix_ns = posix_from_tai(START + time_ns)
    return datetime.fromtimestamp(posix_ns // SECOND, UTC) + timedelta(microseconds=posix_ns % SECOND // 1_000)
