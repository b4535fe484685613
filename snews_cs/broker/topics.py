"""Topics: Metadata, DescribeConfigs, CreateTopics and DeleteTopics."""

from kio.schema.create_topics.v4.request import CreatableTopic, CreateTopicsRequest
from kio.schema.create_topics.v4.response import CreatableTopicResult, CreateTopicsResponse
from kio.schema.delete_topics.v3.request import DeleteTopicsRequest
from kio.schema.delete_topics.v3.response import DeletableTopicResult, DeleteTopicsResponse
from kio.schema.describe_configs.v3.request import DescribeConfigsRequest, DescribeConfigsResource
from kio.schema.describe_configs.v3.response import (
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v8.request import MetadataRequest
from kio.schema.metadata.v8.response import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32

from snews_cs.broker.config import HOST
from snews_cs.broker.core import MAX_MESSAGE_BYTES, NODE_ID, NOT_THROTTLED, Broker, Client
from snews_cs.broker.log import Topic

_CLUSTER_ID = "snews_cs-embedded"
_TOPIC_RESOURCE = 2
_BROKER_RESOURCE = 4
_DEFAULT_SOURCE = 5
_CONFIGS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "-1",
}
"""What topics are like, all of them alike."""


async def metadata(client: Client, request: MetadataRequest) -> MetadataResponse:
    """Describe the cluster, and make the topics asked for if that is wanted."""
    if request.topics is None:
        topics = [_describe(topic) for topic in client.broker.log.topics()]
    else:
        topics = [
            await _find(client.broker, each.name, create=request.allow_auto_topic_creation) for each in request.topics
        ]
    return MetadataResponse(
        throttle_time=NOT_THROTTLED,
        brokers=(MetadataResponseBroker(node_id=NODE_ID, host=HOST, port=i32(client.port)),),
        cluster_id=_CLUSTER_ID,
        controller_id=NODE_ID,
        topics=tuple(topics),
    )


async def _find(broker: Broker, name: str, *, create: bool) -> MetadataResponseTopic:
    error = await _ensure(broker, name) if create else ErrorCode.unknown_topic_or_partition
    topic = broker.log.topic(name)
    if topic is None:
        return MetadataResponseTopic(error_code=error, name=TopicName(name), partitions=())
    return _describe(topic)


async def _ensure(broker: Broker, name: str) -> ErrorCode:
    """Make a topic if there is none of that name and topics are made when they are asked for."""
    if broker.log.topic(name) is not None:
        return ErrorCode.none
    if not broker.config.auto_create:
        return ErrorCode.unknown_topic_or_partition
    error = await broker.log.create(name, broker.config.partitions)
    return ErrorCode.none if error is ErrorCode.topic_already_exists else error


def _describe(topic: Topic) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=ErrorCode.none,
        name=TopicName(topic.name),
        partitions=tuple(
            MetadataResponsePartition(
                error_code=ErrorCode.none,
                partition_index=i32(number),
                leader_id=NODE_ID,
                replica_nodes=(BrokerId(NODE_ID),),
                isr_nodes=(BrokerId(NODE_ID),),
            )
            for number in range(len(topic.partitions))
        ),
    )


async def describe_configs(client: Client, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    """Tell what topics are like. hop's writer asks this before Metadata, so this makes the topic, too."""
    return DescribeConfigsResponse(
        throttle_time=NOT_THROTTLED, results=tuple([await _configs(client.broker, each) for each in request.resources])
    )


async def _configs(broker: Broker, asked: DescribeConfigsResource) -> DescribeConfigsResult:
    if asked.resource_type == _TOPIC_RESOURCE:
        error = await _ensure(broker, asked.resource_name)
    else:
        error = ErrorCode.none if asked.resource_type == _BROKER_RESOURCE else ErrorCode.invalid_request
    names = _CONFIGS if asked.configuration_keys is None else asked.configuration_keys
    return DescribeConfigsResult(
        error_code=error,
        error_message=None,
        resource_type=i8(asked.resource_type),
        resource_name=asked.resource_name,
        configs=tuple(_config(name) for name in names if error is ErrorCode.none and name in _CONFIGS),
    )


def _config(name: str) -> DescribeConfigsResourceResult:
    return DescribeConfigsResourceResult(
        name=name,
        value=_CONFIGS[name],
        read_only=True,
        config_source=i8(_DEFAULT_SOURCE),
        is_sensitive=False,
        synonyms=(),
        documentation=None,
    )


async def create_topics(client: Client, request: CreateTopicsRequest) -> CreateTopicsResponse:
    """Make topics, with any number of partitions and one copy of each."""
    return CreateTopicsResponse(
        throttle_time=NOT_THROTTLED,
        topics=tuple(
            [
                CreatableTopicResult(
                    name=TopicName(each.name),
                    error_code=await _create(client.broker, each, validate_only=request.validate_only),
                    error_message=None,
                )
                for each in request.topics
            ]
        ),
    )


async def _create(broker: Broker, wanted: CreatableTopic, *, validate_only: bool) -> ErrorCode:
    if wanted.replication_factor not in (-1, 1):
        return ErrorCode.invalid_replication_factor
    if wanted.assignments:
        return ErrorCode.invalid_replica_assignment
    partitions = broker.config.partitions if wanted.num_partitions == -1 else wanted.num_partitions
    if validate_only:
        return broker.log.may_create(wanted.name, partitions)
    return await broker.log.create(wanted.name, partitions)


async def delete_topics(client: Client, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    """Delete topics with all that is in them."""
    return DeleteTopicsResponse(
        throttle_time=NOT_THROTTLED,
        responses=tuple(
            [
                DeletableTopicResult(name=TopicName(name), error_code=await client.broker.log.delete(name))
                for name in request.topic_names
            ]
        ),
    )
