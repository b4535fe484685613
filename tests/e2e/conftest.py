"""End to end: the installed command, its broker and its store as processes of their own."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.broker import Broker
from tests.support.broker import broker as embedded_broker
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer
from tests.support.services import require
from tests.support.system import System

__all__ = ["embedded_broker"]


class Surroundings(NamedTuple):
    """What a server runs on: a broker, and the kind of its store."""

    broker: Broker
    store: str


@pytest.fixture(
    scope="session",
    params=[
        "embedded-sqlite",
        pytest.param("kafka-sqlite", marks=pytest.mark.services),
        pytest.param("kafka-mongodb", marks=pytest.mark.services),
    ],
)
def surroundings(request: pytest.FixtureRequest) -> Surroundings:
    """Give what the suite runs on."""
    broker, _, store = request.param.partition("-")
    if store == "mongodb":
        require(request.config, "ferretdb")
    return Surroundings(request.getfixturevalue("kafka" if broker == "kafka" else "embedded_broker"), store)


@contextmanager
def new_system(surroundings: Surroundings, directory: Path, *, partitions: int = 1) -> Iterator[System]:
    """Yield a server's surroundings; the server itself is started by the test."""
    with ExitStack() as stack:
        database = None
        if surroundings.store == "mongodb":
            database = stack.enter_context(FerretServer(directory / "ferretdb")).url
        elif isinstance(surroundings.broker, KafkaServer):
            database = f"sqlite:///{directory / 'snews_cs.sqlite'}"
        yield stack.enter_context(closing(System(surroundings.broker, directory, database, partitions=partitions)))


@pytest.fixture
def system(surroundings: Surroundings, tmp_path: Path) -> Iterator[System]:
    """Give a server's surroundings; the server itself is started by the test."""
    with new_system(surroundings, tmp_path) as system:
        yield system
