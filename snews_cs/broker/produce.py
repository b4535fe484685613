"""Producing: Produce and InitProducerId."""

import logging
import secrets

from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v1.request import InitProducerIdRequest
from kio.schema.init_producer_id.v1.response import InitProducerIdResponse
from kio.schema.produce.v8.request import PartitionProduceData, ProduceRequest
from kio.schema.produce.v8.response import PartitionProduceResponse, ProduceResponse, TopicProduceResponse
from kio.schema.types import ProducerId, TopicName
from kio.static.primitive import i16, i32, i64

from snews_cs.broker.batch import Batch, CorruptBatch
from snews_cs.broker.core import MAX_MESSAGE_BYTES, NOT_THROTTLED, Client
from snews_cs.broker.log import Appended

_ACKS = (-1, 0, 1)

_log = logging.getLogger(__name__)


async def produce(client: Client, request: ProduceRequest) -> ProduceResponse | None:
    """Append record batches; there is no answer if the client wants none (acks=0).

    Raises
    ------
    sqlite3.Error
        If the log cannot be written. The connection is to be closed then: the producer repeats all that it has in
        flight, in order, while an answer would let the batches that follow come before the repeated one.
    """
    accepted: list[tuple[str, int, Batch]] = []
    results: dict[tuple[str, int], Appended] = {}
    for topic in request.topic_data:
        for partition in topic.partition_data:
            found = _batch(request, partition)
            if isinstance(found, Batch):
                accepted.append((topic.name, partition.index, found))
            else:
                results[topic.name, partition.index] = Appended(found)
    appended = await client.broker.log.append(accepted)
    for (name, index, _), result in zip(accepted, appended, strict=True):
        results[name, index] = result
    return None if request.acks == 0 else _response(request, results)


def _batch(request: ProduceRequest, partition: PartitionProduceData) -> Batch | ErrorCode:
    """Return the batch for a partition, or the error that refuses it."""
    if request.acks not in _ACKS:
        return ErrorCode.invalid_required_acks
    if partition.records is None:
        return ErrorCode.invalid_record
    if len(partition.records) > MAX_MESSAGE_BYTES:
        return ErrorCode.message_too_large
    try:
        batch = Batch.read(partition.records)
    except CorruptBatch as error:
        _log.warning("a batch was refused: %s", error)
        return ErrorCode.corrupt_message
    if batch.is_transactional or request.transactional_id is not None:
        return ErrorCode.transactional_id_authorization_failed
    return batch


def _response(request: ProduceRequest, results: dict[tuple[str, int], Appended]) -> ProduceResponse:
    return ProduceResponse(
        responses=tuple(
            TopicProduceResponse(
                name=TopicName(topic.name),
                partition_responses=tuple(
                    PartitionProduceResponse(
                        index=i32(partition.index),
                        error_code=(result := results[topic.name, partition.index]).error,
                        base_offset=i64(result.base_offset),
                        log_start_offset=i64(0),
                        record_errors=(),
                    )
                    for partition in topic.partition_data
                ),
            )
            for topic in request.topic_data
        ),
        throttle_time=NOT_THROTTLED,
    )


async def init_producer_id(_client: Client, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """Give an idempotent producer its id; 63 random bits, so that none is ever given twice. No transactions."""
    transactional = request.transactional_id is not None
    return InitProducerIdResponse(
        throttle_time=NOT_THROTTLED,
        error_code=ErrorCode.transactional_id_authorization_failed if transactional else ErrorCode.none,
        producer_id=ProducerId(-1 if transactional else secrets.randbits(63)),
        producer_epoch=i16(-1 if transactional else 0),
    )
