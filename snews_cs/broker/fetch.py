"""Consuming: Fetch and ListOffsets."""

import asyncio

from kio.schema.errors import ErrorCode
from kio.schema.fetch.v11.request import FetchPartition, FetchRequest
from kio.schema.fetch.v11.response import FetchableTopicResponse, FetchResponse, PartitionData
from kio.schema.list_offsets.v5.request import ListOffsetsPartition, ListOffsetsRequest
from kio.schema.list_offsets.v5.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from kio.schema.types import TopicName
from kio.static.primitive import Records, i32, i64

from snews_cs.broker.core import NOT_THROTTLED, Broker, Client
from snews_cs.broker.log import Partition

_MAX_RESPONSE_BYTES = 64 << 20
_MAX_WAIT = 30.0  # seconds; whoever waits longer would not be missed when gone
_LATEST = -1
_EARLIEST = -2


async def fetch(client: Client, request: FetchRequest) -> FetchResponse:
    """Read records: at once if there are ``min_bytes`` of them, else when there are or ``max_wait`` is over."""
    wanted = [
        client.broker.log.partition(topic.topic, each.partition)
        for topic in request.topics
        for each in topic.partitions
    ]
    with client.broker.log.watch(partition for partition in wanted if partition is not None) as changed:
        try:
            async with asyncio.timeout(min(request.max_wait.total_seconds(), _MAX_WAIT)):
                while not (result := _Result(client.broker, request)).is_worth_sending:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            result = _Result(client.broker, request)
    return result.response


class _Result:
    """What a fetch request finds now."""

    def __init__(self, broker: Broker, request: FetchRequest) -> None:
        self._broker = broker
        self._remaining = min(request.max_bytes, _MAX_RESPONSE_BYTES)
        self._size = 0
        self._failed = False
        self.response = FetchResponse(
            throttle_time=NOT_THROTTLED,
            error_code=ErrorCode.none,
            responses=tuple(
                FetchableTopicResponse(
                    topic=TopicName(topic.topic),
                    partitions=tuple(self._read(topic.topic, each) for each in topic.partitions),
                )
                for topic in request.topics
            ),
        )
        self.is_worth_sending = self._failed or self._size >= request.min_bytes

    def _read(self, topic: str, wanted: FetchPartition) -> PartitionData:
        partition = self._broker.log.partition(topic, wanted.partition)
        if partition is None:
            return self._answer(wanted, ErrorCode.unknown_topic_or_partition)
        if not 0 <= wanted.fetch_offset <= partition.next_offset:
            return self._answer(wanted, ErrorCode.offset_out_of_range, partition.next_offset)
        records = b""
        if wanted.fetch_offset < partition.next_offset and (self._remaining > 0 or self._size == 0):
            limit = min(self._remaining, wanted.partition_max_bytes)
            records = self._broker.log.read(partition, wanted.fetch_offset, limit, at_least_one=self._size == 0)
        self._size += len(records)
        self._remaining -= len(records)
        return self._answer(wanted, ErrorCode.none, partition.next_offset, records)

    def _answer(
        self, wanted: FetchPartition, error: ErrorCode, next_offset: int = -1, records: bytes = b""
    ) -> PartitionData:
        self._failed |= error is not ErrorCode.none
        return PartitionData(
            partition_index=i32(wanted.partition),
            error_code=error,
            high_watermark=i64(next_offset),
            last_stable_offset=i64(next_offset),
            log_start_offset=i64(0 if next_offset >= 0 else -1),
            aborted_transactions=None,
            records=Records(records),
        )


async def list_offsets(client: Client, request: ListOffsetsRequest) -> ListOffsetsResponse:
    """Tell the first offset, the next one, or the first one that is not older than a time."""
    return ListOffsetsResponse(
        throttle_time=NOT_THROTTLED,
        topics=tuple(
            ListOffsetsTopicResponse(
                name=TopicName(topic.name),
                partitions=tuple(_offset(client.broker, topic.name, each) for each in topic.partitions),
            )
            for topic in request.topics
        ),
    )


def _offset(broker: Broker, topic: str, asked: ListOffsetsPartition) -> ListOffsetsPartitionResponse:
    partition = broker.log.partition(topic, asked.partition_index)
    offset, timestamp = (-1, -1) if partition is None else _find(broker, partition, asked.timestamp)
    return ListOffsetsPartitionResponse(
        partition_index=i32(asked.partition_index),
        error_code=ErrorCode.unknown_topic_or_partition if partition is None else ErrorCode.none,
        timestamp=i64(timestamp),
        offset=i64(offset),
    )


def _find(broker: Broker, partition: Partition, timestamp: int) -> tuple[int, int]:
    if timestamp == _LATEST:
        return partition.next_offset, -1
    if timestamp == _EARLIEST:
        return 0, -1
    return broker.log.offset_at(partition, timestamp) or (-1, -1)
