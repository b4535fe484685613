"""An embedded broker for tests: one process for the whole session, other topics for each test.

A test module takes what it needs by ``from tests.support.broker import broker, topic  # noqa: F401``, or a
``conftest.py`` does it for a directory.
"""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from snews_cs.broker.process import BrokerProcess, start_broker

USER, PASSWORD = "tester", "not-a-secret"
_numbers = itertools.count()


class Broker(Protocol):
    """Any broker with two listeners (:class:`snews_cs.broker.process.BrokerProcess`, a real Kafka)."""

    @property
    def address(self) -> str:
        """``host:port`` of the listener that asks for the login of USER."""

    @property
    def plain_address(self) -> str:
        """``host:port`` of the listener that asks for none."""

    def url(self, topic: str) -> str:
        """Return hop's URL of a topic on the listener that asks for no login."""


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """Give an embedded broker: ``address`` asks for the login of USER, ``plain_address`` asks for none."""
    with start_broker(tmp_path_factory.mktemp("broker"), users={USER: PASSWORD}, plain_port=0) as process:
        yield process


@pytest.fixture
def topic(broker: Broker) -> str:
    """Return a name of a topic that nobody else uses, and that is there, with one partition."""
    return make_topic(broker)


def make_topic(broker: Broker, *, partitions: int = 1, prefix: str = "test") -> str:
    """Make a topic with a name of its own, and return the name."""
    name = f"{prefix}-{next(_numbers)}"
    create_topic(broker.plain_address, name, partitions=partitions)
    return name


def create_topic(address: str, name: str, *, partitions: int = 1) -> None:
    """Make a topic, and wait until every client can use it."""
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    admin.create_topics([NewTopic(name, num_partitions=partitions)])[name].result(10)

    def led() -> int:
        found = admin.list_topics(timeout=10).topics.get(name)
        return 0 if found is None else sum(each.leader >= 0 for each in found.partitions.values())

    while led() < partitions:
        time.sleep(0.01)


def write_auth(
    directory: Path, address: str, *, user: str = USER, password: str = PASSWORD, mechanism: str = "PLAIN"
) -> Path:
    """Write hop's credentials for a broker under ``directory``, to be ``$XDG_CONFIG_HOME``; return the file."""
    path = directory / "hop" / "auth.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[[auth]]\nusername = "{user}"\npassword = "{password}"\nhostname = "{address}"\n'
        f'protocol = "SASL_PLAINTEXT"\nmechanism = "{mechanism}"\nssl = false\n'
    )
    path.chmod(0o600)
    return path
