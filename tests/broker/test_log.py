"""The record log on its SQLite file: what is durable, what is shared, what is undone."""

import asyncio
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from snews_cs.broker.batch import Batch
from snews_cs.broker.database import Database
from snews_cs.broker.log import MAX_PARTITIONS, Appended, Log, Partition
from snews_cs.broker.offsets import CommittedOffset, CommittedOffsets
from tests.broker.records import GZIP, batch, seal

NOON = 1_700_000_000_000
PRODUCER = 77


def numbered(sequence: int, count: int = 1, *, epoch: int = 0, producer_id: int = PRODUCER) -> Batch:
    return Batch.read(batch([b"x"] * count, producer_id=producer_id, epoch=epoch, sequence=sequence))


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[Database, Log]]:
    database = Database(path / "log.sqlite")
    try:
        yield database, Log(database)
    finally:
        database.close()


def in_log(path: Path, do: Callable[[Database, Log], Coroutine[Any, Any, None]], *, topic: str | None = "t") -> None:
    """Run ``do`` on the log in ``path``, in which there is a topic with two partitions."""

    async def run() -> None:
        async with opened(path) as (database, log):
            if topic is not None:
                assert await log.create(topic, 2) in (ErrorCode.none, ErrorCode.topic_already_exists)
            await do(database, log)

    asyncio.run(run())


def partition(log: Log, number: int = 0) -> Partition:
    found = log.partition("t", number)
    assert found is not None
    return found


async def append(log: Log, *batches: Batch) -> list[Appended]:
    return await log.append([("t", 0, each) for each in batches])


def test_what_was_appended_is_there_after_a_restart(tmp_path: Path) -> None:
    first, second = Batch.read(batch([b"a", b"b"])), Batch.read(batch([b"c"]))

    async def write(_: Database, log: Log) -> None:
        assert await append(log, first, second) == [Appended(ErrorCode.none, 0), Appended(ErrorCode.none, 2)]
        await log.append([("t", 1, first)])

    async def read(_: Database, log: Log) -> None:
        assert [partition(log, number).next_offset for number in (0, 1)] == [3, 2]
        both = first.placed_at(0) + second.placed_at(2)
        assert log.read(partition(log), 0, 10**6, at_least_one=True) == both
        assert log.read(partition(log), 1, 10**6, at_least_one=True) == both
        assert log.read(partition(log), 2, 10**6, at_least_one=True) == second.placed_at(2)
        assert log.read(partition(log), 3, 10**6, at_least_one=True) == b""
        assert [topic.name for topic in log.topics()] == ["t"]

    in_log(tmp_path, write)
    in_log(tmp_path, read)


def test_reading_stops_before_too_many_bytes(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        size = len(batch())
        await append(log, *[Batch.read(batch())] * 3)
        for limit, at_least_one, expected in [
            (3 * size, True, 3), (3 * size - 1, True, 2), (size, True, 1), (size - 1, True, 1), (0, True, 1),
            (-1, True, 1), (size, False, 1), (size - 1, False, 0), (0, False, 0),
        ]:  # fmt: skip
            assert len(log.read(partition(log), 0, limit, at_least_one=at_least_one)) == expected * size

    in_log(tmp_path, check)


def test_whoever_waits_at_the_same_time_shares_one_transaction(tmp_path: Path) -> None:
    async def check(database: Database, log: Log) -> None:
        statements: list[str] = []
        database._connection.set_trace_callback(statements.append)
        await asyncio.gather(*[append(log, Batch.read(batch())) for _ in range(20)])
        assert statements.count("COMMIT") == 1
        assert partition(log).next_offset == 20
        await append(log, Batch.read(batch()))
        assert statements.count("COMMIT") == 2

    in_log(tmp_path, check)


def test_readers_are_woken_by_what_they_wait_for(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        with log.watch([partition(log, 0)]) as here, log.watch([partition(log, 1)]) as there:
            await append(log, Batch.read(batch()))
            assert here.is_set()
            assert not there.is_set()
        assert not partition(log).watchers

    in_log(tmp_path, check)


def test_offsets_by_time(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        assert log.offset_at(partition(log), NOON) is None
        await append(
            log,
            Batch.read(batch([b"a", b"b", b"c"], timestamps=[NOON, NOON + 30, NOON + 10])),
            Batch.read(batch([b"d", b"e"], timestamps=[NOON + 5, NOON + 40])),
            Batch.read(batch([b"f", b"g"], timestamps=[NOON + 50, NOON + 60], attributes=GZIP)),
        )
        for wanted, expected in [
            (0, (0, NOON)), (NOON, (0, NOON)), (NOON + 1, (1, NOON + 30)), (NOON + 31, (4, NOON + 40)),
            (NOON + 55, (5, NOON + 50)), (NOON + 61, None),
        ]:  # fmt: skip
            assert log.offset_at(partition(log), wanted) == expected

    in_log(tmp_path, check)


def test_records_that_are_none_do_not_hide_what_came_after_a_time(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        header = struct.pack(">hiqqqhii", 0, 99, NOON, NOON + 99, -1, -1, -1, 100)
        await append(log, Batch.read(seal(header + b"no records")))
        assert log.offset_at(partition(log), NOON + 50) == (0, NOON)

    in_log(tmp_path, check)


def test_a_topic_is_made_once_and_with_a_proper_name(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        both = list(await asyncio.gather(log.create("new", 1), log.create("new", 3)))
        assert both == [ErrorCode.none, ErrorCode.topic_already_exists]
        for name in ("", ".", "..", "a/b", "a b", "ä", "x" * 250, "new\n"):
            assert await log.create(name, 1) is ErrorCode.invalid_topic_exception
        for partitions in (0, -1, MAX_PARTITIONS + 1):
            assert await log.create("many", partitions) is ErrorCode.invalid_partitions
        assert [topic.name for topic in log.topics()] == ["new"]

    in_log(tmp_path, check, topic=None)


def test_a_deleted_topic_is_gone_with_its_offsets_and_comes_back_empty(tmp_path: Path) -> None:
    async def check(database: Database, log: Log) -> None:
        offsets = CommittedOffsets(database)
        await append(log, numbered(0), numbered(1))
        await offsets.commit("g", [CommittedOffset("t", 0, 2), CommittedOffset("no such topic", 0, 2)])
        assert list(offsets.committed("g")) == [CommittedOffset("t", 0, 2)]
        assert await log.delete("t") is ErrorCode.none
        assert await log.delete("t") is ErrorCode.unknown_topic_or_partition
        assert await append(log, Batch.read(batch())) == [Appended(ErrorCode.unknown_topic_or_partition)]
        await log.create("t", 2)
        assert list(offsets.committed("g")) == []
        assert partition(log).next_offset == 0
        assert await append(log, numbered(2)) == [Appended(ErrorCode.none, 0)]

    in_log(tmp_path, check)


@pytest.mark.parametrize("restart", [False, True])
def test_a_repeated_batch_gets_its_first_offset(tmp_path: Path, restart: bool) -> None:
    sent = [numbered(0, 2), numbered(2), numbered(3, 5)]

    async def write(_: Database, log: Log) -> None:
        await append(log, *sent)
        if not restart:
            await repeat(_, log)

    async def repeat(_: Database, log: Log) -> None:
        again = await append(log, *sent)
        assert again == [Appended(ErrorCode.none, offset) for offset in (0, 2, 3)]
        assert partition(log).next_offset == 8
        assert await append(log, numbered(8)) == [Appended(ErrorCode.none, 8)]

    in_log(tmp_path, write)
    if restart:
        in_log(tmp_path, repeat)


def test_numbers_that_do_not_follow_are_refused(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        await append(log, numbered(0, 2), numbered(2))
        for wrong, error in [
            (numbered(4), ErrorCode.out_of_order_sequence_number),
            (numbered(2, 2), ErrorCode.out_of_order_sequence_number),
            (numbered(1, epoch=1), ErrorCode.out_of_order_sequence_number),
        ]:
            assert await append(log, wrong) == [Appended(error)]
        assert await append(log, numbered(0, epoch=1)) == [Appended(ErrorCode.none, 3)]
        assert await append(log, numbered(3)) == [Appended(ErrorCode.invalid_producer_epoch)]
        assert await append(log, numbered(1, epoch=1)) == [Appended(ErrorCode.none, 4)]

    in_log(tmp_path, check)


def test_a_batch_and_its_repeat_in_one_transaction(tmp_path: Path) -> None:
    async def check(_: Database, log: Log) -> None:
        both = await asyncio.gather(append(log, numbered(0)), append(log, numbered(0)))
        assert list(both) == [[Appended(ErrorCode.none, 0)]] * 2

    in_log(tmp_path, check)


def test_many_producers_are_told_apart_without_being_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snews_cs.broker.producers._REMEMBERED_PRODUCERS", 3)

    async def check(_: Database, log: Log) -> None:
        first = [numbered(0, producer_id=number) for number in range(10)]
        written = await append(log, *first)
        assert await append(log, *first) == written
        assert len(log._producers._written) == 3

    in_log(tmp_path, check)


def test_what_does_not_fit_on_the_disk_never_happened(tmp_path: Path) -> None:
    big = Batch.read(batch([bytes(100_000)]))

    async def check(database: Database, log: Log) -> None:
        await append(log, numbered(0))
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count={pages + 5}")
        results = await asyncio.gather(
            append(log, numbered(1)), append(log, big), log.create("other", 1), log.delete("t"), return_exceptions=True
        )
        assert [type(result) for result in results] == [sqlite3.OperationalError] * 4
        assert partition(log).next_offset == 1
        assert log.topic("other") is None
        database.execute(f"PRAGMA max_page_count={pages + 1000}")
        assert await append(log, numbered(1), big) == [Appended(ErrorCode.none, 1), Appended(ErrorCode.none, 2)]

    in_log(tmp_path, check)


def test_a_mistake_in_an_operation_is_not_hidden(tmp_path: Path) -> None:
    async def check(database: Database, log: Log) -> None:
        seen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
        with pytest.raises(ZeroDivisionError):
            await database.write(lambda: 1 / 0)
        assert [type(context["exception"]) for context in seen] == [ZeroDivisionError]
        assert await append(log, Batch.read(batch())) == [Appended(ErrorCode.none, 0)]

    in_log(tmp_path, check)


def test_what_waits_is_written_when_the_file_is_closed(tmp_path: Path) -> None:
    async def write() -> None:
        async with opened(tmp_path) as (_, log):
            await log.create("t", 1)
            waiting = asyncio.ensure_future(append(log, Batch.read(batch())))
            await asyncio.sleep(0)
        assert await waiting == [Appended(ErrorCode.none, 0)]

    async def check(_: Database, log: Log) -> None:
        assert partition(log).next_offset == 1

    asyncio.run(write())
    in_log(tmp_path, check)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = Database(tmp_path / "log.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Database(tmp_path / "log.sqlite")
    first.close()


def test_a_log_of_another_format_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    Database(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(sqlite3.DatabaseError, match="format 99"):
        Database(path)
