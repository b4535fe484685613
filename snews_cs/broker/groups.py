"""Consumer groups, as far as hop uses them: FindCoordinator, OffsetCommit and OffsetFetch.

hop assigns itself all partitions and uses the group only for its offsets. Joining a group, so that its members share
the partitions, is not served.
"""

from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v2.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v2.response import FindCoordinatorResponse
from kio.schema.offset_commit.v7.request import OffsetCommitRequest
from kio.schema.offset_commit.v7.response import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from kio.schema.offset_fetch.v5.request import OffsetFetchRequest
from kio.schema.offset_fetch.v5.response import (
    OffsetFetchResponse,
    OffsetFetchResponsePartition,
    OffsetFetchResponseTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32, i64

from snews_cs.broker.config import HOST
from snews_cs.broker.core import NODE_ID, NOT_THROTTLED, Client
from snews_cs.broker.offsets import CommittedOffset

_GROUP = 0


async def find_coordinator(client: Client, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    """Name this broker as the one that keeps the offsets of every group; there is none for transactions."""
    served = request.key_type == _GROUP
    return FindCoordinatorResponse(
        throttle_time=NOT_THROTTLED,
        error_code=ErrorCode.none if served else ErrorCode.transactional_id_authorization_failed,
        error_message=None if served else "the embedded broker has no transactions",
        node_id=NODE_ID if served else BrokerId(-1),
        host=HOST if served else "",
        port=i32(client.port if served else -1),
    )


async def offset_commit(client: Client, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """Keep the offsets up to which a group has read."""
    errors = {
        (topic.name, each.partition_index): ErrorCode.unknown_topic_or_partition
        if client.broker.log.partition(topic.name, each.partition_index) is None
        else ErrorCode.none
        for topic in request.topics
        for each in topic.partitions
    }
    await client.broker.offsets.commit(
        request.group_id,
        (
            CommittedOffset(
                topic=topic.name,
                partition=each.partition_index,
                offset=each.committed_offset,
                leader_epoch=each.committed_leader_epoch,
                metadata=each.committed_metadata or "",
            )
            for topic in request.topics
            for each in topic.partitions
            if errors[topic.name, each.partition_index] is ErrorCode.none
        ),
    )
    return OffsetCommitResponse(
        throttle_time=NOT_THROTTLED,
        topics=tuple(
            OffsetCommitResponseTopic(
                name=TopicName(topic.name),
                partitions=tuple(
                    OffsetCommitResponsePartition(
                        partition_index=i32(each.partition_index),
                        error_code=errors[topic.name, each.partition_index],
                    )
                    for each in topic.partitions
                ),
            )
            for topic in request.topics
        ),
    )


async def offset_fetch(client: Client, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Tell the offsets that a group committed; -1 where it committed none."""
    committed: dict[str, dict[int, CommittedOffset]] = {}
    for each in client.broker.offsets.committed(request.group_id):
        committed.setdefault(each.topic, {})[each.partition] = each
    if request.topics is None:
        asked = {name: tuple(partitions) for name, partitions in committed.items()}
    else:
        asked = {topic.name: tuple(topic.partition_indexes) for topic in request.topics}
    return OffsetFetchResponse(
        throttle_time=NOT_THROTTLED,
        topics=tuple(
            OffsetFetchResponseTopic(
                name=TopicName(name),
                partitions=tuple(_offset(number, committed.get(name, {}).get(number)) for number in numbers),
            )
            for name, numbers in asked.items()
        ),
    )


def _offset(number: int, committed: CommittedOffset | None) -> OffsetFetchResponsePartition:
    return OffsetFetchResponsePartition(
        partition_index=i32(number),
        committed_offset=i64(-1 if committed is None else committed.offset),
        committed_leader_epoch=i32(-1 if committed is None else committed.leader_epoch),
        metadata="" if committed is None else committed.metadata,
        error_code=ErrorCode.none,
    )
