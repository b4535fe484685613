"""An embedded broker for tests: one process for the whole session, other topics for each test.

A test module takes what it needs by ``from tests.support.broker import broker, topic  # noqa: F401``, or a
``conftest.py`` does it for a directory.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from snews_cs.broker.process import BrokerProcess, start_broker

USER, PASSWORD = "tester", "not-a-secret"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """Give an embedded broker: ``address`` asks for the login of USER, ``plain_address`` asks for none."""
    with start_broker(tmp_path_factory.mktemp("broker"), users={USER: PASSWORD}, plain_port=0) as process:
        yield process


@pytest.fixture
def topic(broker: BrokerProcess) -> str:
    """Return a name of a topic that nobody else uses, and that is there, with one partition."""
    return make_topic(broker)


def make_topic(broker: BrokerProcess, *, partitions: int = 1, prefix: str = "test") -> str:
    """Make a topic with a name of its own, and return the name."""
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    name = f"{prefix}-{next(_numbers)}"
    admin = AdminClient({"bootstrap.servers": broker.plain_address})
    admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])[name].result(10)
    return name


def write_auth(directory: Path, address: str, *, user: str = USER, password: str = PASSWORD) -> Path:
    """Write hop's credentials for a broker under ``directory``, to be ``$XDG_CONFIG_HOME``; return the file."""
    path = directory / "hop" / "auth.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[[auth]]\nusername = "{user}"\npassword = "{password}"\nhostname = "{address}"\n'
        'protocol = "SASL_PLAINTEXT"\nmechanism = "PLAIN"\nssl = false\n'
    )
    path.chmod(0o600)
    return path
