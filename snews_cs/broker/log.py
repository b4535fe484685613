"""The record log: topics, their partitions, and the batches in them."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from kio.schema.errors import ErrorCode

from snews_cs.broker.batch import Batch, CorruptBatch
from snews_cs.broker.database import Database
from snews_cs.broker.producers import Producers

MAX_PARTITIONS = 256
"""Most partitions of one topic."""

_TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")


@dataclass(eq=False, slots=True)
class Partition:
    """One partition: where its next record goes, and who wants to know when that moves."""

    id: int
    next_offset: int
    watchers: set[asyncio.Event] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and its partitions, by number."""

    id: int
    name: str
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch: the offset of its first record, or why it was refused."""

    error: ErrorCode
    base_offset: int = -1


class Log:
    """All topics, kept in a :class:`Database`.

    Parameters
    ----------
    database
        Where the log is and goes to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._producers = Producers(database)
        self._topics = {topic.name: topic for topic in self._load()}

    def _load(self) -> Iterator[Topic]:
        for topic_id, name in self._database.execute("SELECT id, name FROM topic").fetchall():
            rows = self._database.execute(
                "SELECT id, (SELECT coalesce(max(last_offset), -1) + 1 FROM batch WHERE partition = partition.id)"
                " FROM partition WHERE topic = ? ORDER BY number",
                (topic_id,),
            )
            yield Topic(topic_id, name, tuple(Partition(*row) for row in rows))

    def topics(self) -> tuple[Topic, ...]:
        """Return all topics."""
        return tuple(self._topics.values())

    def topic(self, name: str) -> Topic | None:
        """Return the topic of that name, if there is one."""
        return self._topics.get(name)

    def partition(self, topic: str, number: int) -> Partition | None:
        """Return one partition of a topic, if there is such a one."""
        found = self._topics.get(topic)
        return found.partitions[number] if found and 0 <= number < len(found.partitions) else None

    def may_create(self, name: str, partitions: int) -> ErrorCode:
        """Tell what stands against making a topic."""
        if not _TOPIC_NAME.fullmatch(name):
            return ErrorCode.invalid_topic_exception
        if not 1 <= partitions <= MAX_PARTITIONS:
            return ErrorCode.invalid_partitions
        return ErrorCode.topic_already_exists if name in self._topics else ErrorCode.none

    async def create(self, name: str, partitions: int) -> ErrorCode:
        """Make a topic durably, or say why not."""
        error = self.may_create(name, partitions)
        if error is not ErrorCode.none:
            return error
        return await self._database.write(partial(self._create, name, partitions))

    def _create(self, name: str, partitions: int) -> ErrorCode:
        if name in self._topics:
            return ErrorCode.topic_already_exists
        topic_id = self._insert("INSERT INTO topic (name) VALUES (?)", name)
        ids = [
            self._insert("INSERT INTO partition (topic, number) VALUES (?, ?)", topic_id, number)
            for number in range(partitions)
        ]
        self._database.on_rollback(partial(self._topics.pop, name))
        self._topics[name] = Topic(topic_id, name, tuple(Partition(id_, 0) for id_ in ids))
        return ErrorCode.none

    def _insert(self, statement: str, *values: object) -> int:
        row_id = self._database.execute(statement, values).lastrowid
        assert row_id is not None  # noqa: S101 - an INSERT always has one
        return row_id

    async def delete(self, name: str) -> ErrorCode:
        """Delete a topic with all that is in it and all offsets committed on it."""
        return await self._database.write(partial(self._delete, name))

    def _delete(self, name: str) -> ErrorCode:
        topic = self._topics.get(name)
        if topic is None:
            return ErrorCode.unknown_topic_or_partition
        self._database.on_rollback(partial(self._topics.__setitem__, name, topic))
        del self._topics[name]
        self._database.execute("DELETE FROM committed_offset WHERE topic = ?", (topic.id,))
        self._database.execute(
            "DELETE FROM batch WHERE partition IN (SELECT id FROM partition WHERE topic = ?)", (topic.id,)
        )
        self._database.execute("DELETE FROM partition WHERE topic = ?", (topic.id,))
        self._database.execute("DELETE FROM topic WHERE id = ?", (topic.id,))
        return ErrorCode.none

    async def append(self, batches: Sequence[tuple[str, int, Batch]]) -> list[Appended]:
        """Append batches durably and in that order, each to the partition of that topic and number.

        A batch that its producer sent before (it numbers its records) is not appended again; the offset that it got
        the first time is returned.

        Raises
        ------
        sqlite3.Error
            If they cannot be written; then none of them is.
        """
        appended = await self._database.write(lambda: [self._append(*each) for each in batches])
        for topic, number, _ in batches:
            if partition := self.partition(topic, number):
                for watcher in partition.watchers:
                    watcher.set()
        return appended

    def _append(self, topic: str, number: int, batch: Batch) -> Appended:
        partition = self.partition(topic, number)
        if partition is None:
            return Appended(ErrorCode.unknown_topic_or_partition)
        if batch.is_idempotent:
            verdict = self._producers.check(partition.id, batch)
            if verdict.error is not ErrorCode.none:
                return Appended(verdict.error)
            if verdict.base_offset is not None:
                return Appended(ErrorCode.none, verdict.base_offset)
        base_offset = partition.next_offset
        self._database.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                partition.id, base_offset + batch.count - 1, batch.count, batch.max_timestamp,
                batch.producer_id, batch.producer_epoch, batch.base_sequence, batch.placed_at(base_offset),
            ),
        )  # fmt: skip
        if batch.is_idempotent:
            self._producers.remember(partition.id, batch, base_offset)
        self._database.on_rollback(partial(setattr, partition, "next_offset", base_offset))
        partition.next_offset = base_offset + batch.count
        return Appended(ErrorCode.none, base_offset)

    def read(self, partition: Partition, offset: int, max_bytes: int, *, at_least_one: bool) -> bytes:
        """Return whole batches, from the one that holds ``offset`` on.

        Parameters
        ----------
        max_bytes
            Return no more than this many bytes.
        at_least_one
            Return the first batch however long it is, so that the reader is never stuck.
        """
        found: list[bytes] = []
        size = 0
        rows = self._database.execute(
            "SELECT data FROM batch WHERE partition = ? AND last_offset >= ? ORDER BY last_offset",
            (partition.id, offset),
        )
        with closing(rows):  # a statement left unfinished would keep the write-ahead log from being emptied
            for (data,) in rows:
                if size + len(data) > max_bytes and (found or not at_least_one):
                    break
                found.append(data)
                size += len(data)
        return b"".join(found)

    def offset_at(self, partition: Partition, timestamp: int) -> tuple[int, int] | None:
        """Return offset and timestamp of the first record that is not older than ``timestamp``; None if all are.

        Within a batch that cannot be looked into (compressed, or of records that are none) the first record stands
        for all: a reader may get a few too many, never too few.
        """
        row = self._database.execute(
            "SELECT last_offset - count + 1, data FROM batch WHERE partition = ? AND last_offset = ("
            " SELECT min(last_offset) FROM batch WHERE partition = ? AND max_timestamp >= ?)",
            (partition.id, partition.id, timestamp),
        ).fetchone()
        if row is None:
            return None
        base_offset, data = row
        batch = Batch.read(data)
        with suppress(CorruptBatch):
            for number, found in enumerate(batch.timestamps()):
                if found >= timestamp:
                    return base_offset + number, found
        return base_offset, batch.first_timestamp

    @contextmanager
    def watch(self, partitions: Iterable[Partition]) -> Iterator[asyncio.Event]:
        """Give an event that is set when records come to one of the partitions."""
        partitions = list(partitions)
        event = asyncio.Event()
        for each in partitions:
            each.watchers.add(event)
        try:
            yield event
        finally:
            for each in partitions:
                each.watchers.discard(event)
