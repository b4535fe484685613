"""The session's broker, and what the tests of streams say to it without the code under test."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from snews_cs.broker.process import BrokerProcess, start_broker
from tests.support.broker import broker, topic

__all__ = ["broker", "topic"]


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator["OwnBroker"]:
    """Give a broker that a test may stop, restart and empty; its topic ``t`` is there from the start."""
    own = OwnBroker(tmp_path)
    yield own
    own.stop()


class OwnBroker:
    """A broker on a port of its own, up or down."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: BrokerProcess | None = None
        self._port = 0
        self._generation = 0
        self.start()

    @property
    def address(self) -> str:
        """``host:port``, also while it is down."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """URL of topic ``t``."""
        return f"kafka://{self.address}/t"

    def start(self, *, partitions: int = 1) -> None:
        """Start it, on the port it had before."""
        data = self._directory / f"broker{self._generation}"
        self._process = start_broker(data, self._port, topics=["t"], partitions=partitions, auto_create=False)
        self._port = int(self._process.address.rpartition(":")[2])

    def stop(self) -> None:
        """Stop it; its records stay."""
        if self._process is not None:
            self._process.stop()
        self._process = None

    def forget(self) -> None:
        """Lose all its records and committed offsets; only while it is down."""
        self._generation += 1


def produce(address: str, topic: str, *values: bytes | None, partition: int = 0, **headers: bytes) -> None:
    """Write records, and wait until the broker has them."""
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 2_000_000})
    for value in values:
        producer.produce(topic, value, partition=partition, headers=dict(headers))
    assert producer.flush(10) == 0


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
