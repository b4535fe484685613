"""Fetch: how long it waits, how much it returns, and what it says is wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v11.request import FetchPartition, FetchRequest, FetchTopic
from kio.schema.fetch.v11.response import FetchResponse, PartitionData
from kio.schema.types import TopicName
from kio.static.primitive import i32, i32Timedelta, i64

from snews_cs.broker.batch import Batch
from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.core import Broker, Client
from snews_cs.broker.database import Database
from snews_cs.broker.fetch import fetch
from tests.broker.records import batch

LONG = 20.0
SIZE = len(batch())


def with_client(path: Path, do: Callable[[Client], Awaitable[None]]) -> None:
    """Run ``do`` as a client of a broker that has a topic ``t`` with two empty partitions."""

    async def run() -> None:
        database = Database(path / "log.sqlite")
        client = Client(Broker(BrokerConfig(path), database), port=9092, is_welcome=True)
        await client.broker.log.create("t", 2)
        try:
            await do(client)
        finally:
            database.close()

    asyncio.run(run())


async def append(client: Client, partition: int = 0, count: int = 1) -> None:
    await client.broker.log.append([("t", partition, Batch.read(batch()))] * count)


async def ask(
    client: Client,
    *offsets: int,
    topic: str = "t",
    wait: float = 0.0,
    min_bytes: int = 1,
    max_bytes: int = 10**6,
    partition_max_bytes: int = 10**6,
) -> tuple[PartitionData, ...]:
    """Fetch from these offsets of the partitions 0, 1, ..."""
    response: FetchResponse = await fetch(
        client,
        FetchRequest(
            max_wait=i32Timedelta.parse(timedelta(seconds=wait)),
            min_bytes=i32(min_bytes),
            max_bytes=i32(max_bytes),
            topics=(
                FetchTopic(
                    topic=TopicName(topic),
                    partitions=tuple(
                        FetchPartition(
                            partition=i32(number),
                            fetch_offset=i64(offset),
                            partition_max_bytes=i32(partition_max_bytes),
                        )
                        for number, offset in enumerate(offsets)
                    ),
                ),
            ),
            forgotten_topics_data=(),
        ),
    )
    return response.responses[0].partitions


def sizes(partitions: tuple[PartitionData, ...]) -> list[int]:
    """Return how many batches came from each partition."""
    return [len(each.records or b"") // SIZE for each in partitions]


def test_what_is_there_is_returned_at_once(tmp_path: Path) -> None:
    async def check(client: Client) -> None:
        await append(client)
        (found,) = await asyncio.wait_for(ask(client, 0, wait=LONG), LONG / 2)
        assert (found.error_code, found.high_watermark, found.log_start_offset) == (ErrorCode.none, 1, 0)
        assert found.records == batch()

    with_client(tmp_path, check)


@pytest.mark.parametrize("wait", [0.0, 0.01, -1.0])
def test_nothing_is_returned_when_the_wait_is_over(tmp_path: Path, wait: float) -> None:
    async def check(client: Client) -> None:
        assert sizes(await asyncio.wait_for(ask(client, 0, wait=wait), LONG)) == [0]

    with_client(tmp_path, check)


def test_no_wait_is_longer_than_the_broker_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.broker.fetch._MAX_WAIT", 0.01)

    async def check(client: Client) -> None:
        assert sizes(await asyncio.wait_for(ask(client, 0, wait=1e6), LONG)) == [0]

    with_client(tmp_path, check)


def test_it_waits_until_there_are_enough_bytes(tmp_path: Path) -> None:
    async def check(client: Client) -> None:
        waiting = asyncio.ensure_future(ask(client, 0, 0, wait=LONG, min_bytes=3 * SIZE))
        for partition in (0, 1):
            await append(client, partition)
            await asyncio.sleep(0.02)
            assert not waiting.done()
        await append(client, 0)
        assert sizes(await asyncio.wait_for(waiting, LONG / 2)) == [2, 1]

    with_client(tmp_path, check)


def test_too_few_bytes_are_returned_when_the_wait_is_over(tmp_path: Path) -> None:
    async def check(client: Client) -> None:
        await append(client)
        assert sizes(await ask(client, 0, wait=0.01, min_bytes=10**6)) == [1]

    with_client(tmp_path, check)


@pytest.mark.parametrize(
    ("max_bytes", "partition_max_bytes", "expected"),
    [
        (10**6, 10**6, [3, 3]),
        (10**6, 2 * SIZE, [2, 2]),
        (4 * SIZE, 10**6, [3, 1]),
        (SIZE, 10**6, [1, 0]),
        (1, 10**6, [1, 0]),
        (10**6, 1, [1, 0]),
        (0, 0, [1, 0]),
        (-5, -5, [1, 0]),
    ],
)
def test_no_more_is_returned_than_was_asked_for_but_always_one_batch(
    tmp_path: Path, max_bytes: int, partition_max_bytes: int, expected: list[int]
) -> None:
    async def check(client: Client) -> None:
        await append(client, 0, 3)
        await append(client, 1, 3)
        found = await ask(client, 0, 0, max_bytes=max_bytes, partition_max_bytes=partition_max_bytes)
        assert sizes(found) == expected

    with_client(tmp_path, check)


def test_what_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    async def check(client: Client) -> None:
        await append(client)
        for offset in (2, -1):
            (found,) = await asyncio.wait_for(ask(client, offset, wait=LONG), LONG / 2)
            assert (found.error_code, found.high_watermark) == (ErrorCode.offset_out_of_range, 1)
        (found,) = await asyncio.wait_for(ask(client, 0, wait=LONG, topic="no-such-topic"), LONG / 2)
        assert found.error_code is ErrorCode.unknown_topic_or_partition
        _, _, found = await asyncio.wait_for(ask(client, 1, 0, 0, wait=LONG), LONG / 2)
        assert found.error_code is ErrorCode.unknown_topic_or_partition

    with_client(tmp_path, check)
