"""The brokers that the suite runs over, and what its tests say to them without the code under test."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from snews_cs.broker.process import BrokerProcess, start_broker
from tests.support.broker import Broker, create_topic, topic
from tests.support.broker import broker as embedded_broker
from tests.support.kafka import KafkaServer
from tests.support.ports import free_port
from tests.support.services import require

__all__ = ["embedded_broker", "topic"]

BROKERS = ["embedded", pytest.param("kafka", marks=pytest.mark.services)]


@pytest.fixture(scope="session", params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Give the session's broker of each kind."""
    found: Broker = request.getfixturevalue("kafka" if request.param == "kafka" else "embedded_broker")
    return found


class OwnBroker(ABC):
    """A broker on a port of its own, up or down, with topic ``t``, which it makes when it has none; others it refuses.

    Parameters
    ----------
    directory
        Where it keeps its data.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    @abstractmethod
    def address(self) -> str:
        """``host:port``, also while it is down."""

    @property
    def url(self) -> str:
        """URL of topic ``t``."""
        return f"kafka://{self.address}/t"

    @abstractmethod
    def start(self, *, partitions: int = 1) -> None:
        """Start it, on the port it had before."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; its records stay. No effect on one that is down."""

    @abstractmethod
    def forget(self) -> None:
        """Lose all its records and committed offsets; only while it is down."""


class OwnEmbeddedBroker(OwnBroker):
    """An embedded one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._process: BrokerProcess | None = None
        self._port = free_port()
        self._generation = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self, *, partitions: int = 1) -> None:
        data = self._directory / f"broker{self._generation}"
        self._process = start_broker(data, self._port, topics=["t"], partitions=partitions, auto_create=False)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
        self._process = None

    def forget(self) -> None:
        self._generation += 1


class OwnKafka(OwnBroker):
    """A real one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._server = KafkaServer(directory / "kafka")

    @property
    def address(self) -> str:
        return self._server.plain_address

    def start(self, *, partitions: int = 1) -> None:
        self._server.start()
        if "t" not in self._server.admin().list_topics(timeout=10).topics:
            create_topic(self.address, "t", partitions=partitions)

    def stop(self) -> None:
        self._server.stop()

    def forget(self) -> None:
        self._server.forget()


@pytest.fixture(params=BROKERS)
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OwnBroker]:
    """Give a broker of each kind that a test may stop, restart and empty."""
    if request.param == "kafka":
        require(request.config, "kafka")
    own = OwnKafka(tmp_path) if request.param == "kafka" else OwnEmbeddedBroker(tmp_path)
    try:
        own.start()
        yield own
    finally:
        own.stop()


def produce(address: str, topic: str, *values: bytes | None, partition: int = 0, **headers: bytes) -> None:
    """Write records, and wait until the broker has them."""
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 2_000_000, "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=partition, headers=dict(headers))
    assert producer.flush(10) == 0


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
