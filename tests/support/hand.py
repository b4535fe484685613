"""A detector's hand: writes many messages fast, to any partition, and remembers where they stand."""

from collections.abc import Sequence
from typing import NamedTuple

import confluent_kafka
from confluent_kafka import KafkaError, Message

from snews_cs.streams.address import TopicAddress
from tests.support.server import PATIENCE_S


class Place(NamedTuple):
    """Where a message stands on its topic."""

    partition: int
    offset: int


class Hand:
    """Writes to a topic.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC``, without a login.

    Attributes
    ----------
    written
        Where what the broker has acknowledged stands.
    """

    def __init__(self, url: str) -> None:
        self.written: set[Place] = set()
        address = TopicAddress.parse(url)
        self._topic = address.topic
        self._producer = confluent_kafka.Producer(
            {"bootstrap.servers": address.brokers, "linger.ms": 0, "log_level": 0}
        )

    def write(
        self, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = (), *, partition: int = 0
    ) -> None:
        """Write a message; :meth:`flush` waits for the acknowledgement."""
        self._producer.produce(
            self._topic, value=value, headers=list(headers), partition=partition, on_delivery=self._note
        )
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all is acknowledged."""
        assert self._producer.flush(PATIENCE_S) == 0

    def _note(self, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self.written.add(Place(partition, offset))
