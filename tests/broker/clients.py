"""librdkafka's producer and consumer, as short as the tests need them."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

PATIENCE = 20.0
"""Seconds after which a test gives up."""


def write(address: str, topic: str, values: Iterable[bytes], *, partition: int = 0, **settings: Any) -> list[int]:
    """Write messages and return the offset of each, in the order in which they were acknowledged."""
    offsets: list[int] = []

    def delivered(error: Any, message: Any) -> None:
        assert error is None, error
        offsets.append(message.offset())

    producer = Producer({"bootstrap.servers": address, **settings})
    for value in values:
        producer.produce(topic, value, partition=partition, on_delivery=delivered)
    assert producer.flush(PATIENCE) == 0
    return offsets


def read(address: str, topic: str, count: int, *, partition: int = 0, offset: int = 0, **settings: Any) -> list[Any]:
    """Read messages from an offset on."""
    settings = {"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False, **settings}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, partition, offset)])
    found: list[Any] = []
    end = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        found += consumer.consume(count - len(found), 0.2)
    consumer.close()
    assert len(found) == count
    assert all(message.error() is None for message in found)
    return found


def end_offset(address: str, topic: str, *, partition: int = 0) -> int:
    """Return the offset of the next message."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
    consumer.close()
    return int(end)
