"""What a server runs on while it is measured: the embedded broker or a real Kafka, SQLite or FerretDB."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from snews_cs.broker.process import start_broker
from tests.support.broker import create_topic
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer
from tests.support.service import BUILT

TOPICS = ("snews.experiments-test", "snews.alert-test", "snews.connection-testing")
"""Where detectors publish, and where alerts, and those of tests, go."""


class Broker(Protocol):
    """What is asked of a broker."""

    @property
    def plain_address(self) -> str:
        """``host:port`` of the listener that asks for no login."""

    def url(self, topic: str) -> str:
        """Return hop's URL of a topic."""


@contextmanager
def started_broker(kind: str, directory: Path, *, more: Sequence[str] = ()) -> Iterator[Broker]:
    """Start a broker with :data:`TOPICS` and ``more``: an ``embedded`` one or ``kafka``."""
    topics = [*TOPICS, *more]
    if kind == "embedded":
        with start_broker(directory / "broker", topics=topics) as process:
            yield process
    else:
        _require("kafka")
        with KafkaServer(directory / "kafka") as server:
            for topic in topics:
                create_topic(server.plain_address, topic)
            yield server


@contextmanager
def started_store(kind: str, directory: Path) -> Iterator[str]:
    """Give the address of a new store: ``sqlite``, or on a server of its own, ``mongodb``."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'snews_cs.sqlite'}"
    else:
        _require("ferretdb")
        with FerretServer(directory / "ferretdb") as server:
            yield server.url


def _require(name: str) -> None:
    if not (BUILT / name / "stamp").exists():
        pytest.skip(f"no {name}: `make services` makes it")
