"""A server at work: its process, its topics on the session's broker, a detector's hand and a subscriber's eye."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError
from hop import Stream
from hop.io import Producer
from hop.models import JSONBlob

from snews_cs.storage.entry import Entry
from snews_cs.storage.open import open_reader
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.alerts import AlertStream
from tests.support.broker import Broker, make_topic
from tests.support.server import PATIENCE_S, ServerProcess, check_alert
from tests.support.truth import read_journal

_numbers = itertools.count()


class System:
    """One server with topics of its own.

    Parameters
    ----------
    broker
        Where the topics are.
    directory
        Where the server keeps its store.
    database
        The address of another store (``DATABASE_SERVER``), for a server that runs without ``--embedded``.
    partitions
        How many each topic has that observations are read from.
    """

    def __init__(self, broker: Broker, directory: Path, database: str | None = None, *, partitions: int = 1) -> None:
        self.directory = directory
        self.broker = broker
        self._is_embedded = database is None
        self.database = database or f"sqlite:///{self.store}"
        self._prefix = f"system{next(_numbers)}"
        self._producers: dict[str, Producer] = {}
        self.server: ServerProcess | None = None
        counts = {"experiments": partitions, "alert": 1, "testing": 1}
        counts |= {"experiments-firedrill": partitions, "alert-firedrill": 1, "no-coincidence": 1}
        self.topics = {
            name: broker.url(make_topic(broker, partitions=count, prefix=f"{self._prefix}.{name}"))
            for name, count in counts.items()
        }
        self.settings = {
            "OBSERVATION_TOPIC": self.topics["experiments"],
            "ALERT_TOPIC": self.topics["alert"],
            "FIREDRILL_OBSERVATION_TOPIC": self.topics["experiments-firedrill"],
            "FIREDRILL_ALERT_TOPIC": self.topics["alert-firedrill"],
            "CONNECTION_TEST_TOPIC": self.topics["testing"],
            "CONSUMER_GROUP": self._prefix,
            "SERVER_TAG": "test server",
            "SPOOL_DIRECTORY": str(self.directory / "spool"),
        }

    @property
    def store(self) -> Path:
        """The server's store, if it is embedded."""
        return self.directory / "snews_cs.sqlite"

    def journal(self) -> list[Entry]:
        """Return the entries of the server's journal."""
        return read_journal(self.database)

    def wait_for_entries(self, count: int) -> list[Entry]:
        """Wait until the journal has that many entries, and return them."""
        end = time.monotonic() + PATIENCE_S
        while len(entries := self.journal()) < count:
            assert time.monotonic() < end, f"there are {len(entries)} entries, not {count}"
            time.sleep(0.05)
        return entries

    def unpublished(self) -> list[Entry]:
        """Return the entries whose alerts are not marked."""
        with closing(open_reader(self.database)) as store:
            return store.unpublished()

    def start(
        self,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        *,
        credentials: Path | None = None,
        wait: bool = True,
    ) -> ServerProcess:
        """Start the server, and (``wait``) wait until it reads the observation topic.

        ``credentials``: the ``$XDG_CONFIG_HOME`` with hop's credentials, to log in to the broker with.
        """
        address, environment = self.broker.plain_address, {"HOP_AUTH": "false", **self.settings}
        if credentials is not None:
            address = self.broker.address
            topics = {key: url.replace(self.broker.plain_address, address) for key, url in self.settings.items()}
            environment |= {"HOP_AUTH": "true", "XDG_CONFIG_HOME": str(credentials), **topics}
        if not self._is_embedded:
            environment["DATABASE_SERVER"] = self.database
        self.server = ServerProcess(
            address,
            self.directory if self._is_embedded else None,
            settings={**environment, **(settings or {})},
            options=options,
            wait=wait,
        )
        return self.server

    def publish(self, content: Any, *, topic: str = "experiments", test: bool = False) -> None:
        """Publish as a detector does, and wait for the broker's acknowledgement.

        ``content``: a dict (JSONBlob), bytes (written as they are), or None (a tombstone, which hop cannot write).
        """
        if content is None:
            self._publish_tombstone(topic)
            return
        producer = self._producer(topic)
        if isinstance(content, bytes):
            producer.write_raw(content, [("_format", b"blob")])
        else:
            producer.write(JSONBlob(content), test=test)
        producer.flush(timedelta(seconds=PATIENCE_S))

    def _publish_tombstone(self, topic: str) -> None:
        errors: list[KafkaError | None] = []
        producer = confluent_kafka.Producer({"bootstrap.servers": self.broker.plain_address})
        name = TopicAddress.parse(self.topics[topic]).topic
        producer.produce(name, value=None, on_delivery=lambda error, _: errors.append(error))
        producer.flush(PATIENCE_S)
        assert errors == [None]

    def _producer(self, topic: str) -> Producer:
        if topic not in self._producers:
            self._producers[topic] = Stream(auth=False).open(self.topics[topic], "w")
        return self._producers[topic]

    def alerts(self, count: int, topic: str = "alert", *, quiet_s: float = 0.3) -> list[dict[str, Any]]:
        """Return the alerts of the topic: ``count`` of them, and what else comes until it is quiet for ``quiet_s``."""
        found: list[dict[str, Any]] = []
        with AlertStream(self.topics[topic], auth=False, from_beginning=True) as stream:
            end = time.monotonic() + PATIENCE_S
            while len(found) < count and time.monotonic() < end:
                found += [alert.content for alert in stream.batch(0.2)]
            while more := stream.batch(quiet_s):
                found += [alert.content for alert in more]
        for alert in found:
            if "alert_uuid" in alert:
                check_alert(alert)
        return found

    def close(self) -> None:
        """Stop the server if it runs."""
        for producer in self._producers.values():
            producer.close()
        if self.server is not None:
            self.server.__exit__(None, None, None)


@pytest.fixture
def system(broker: Broker, tmp_path: Path) -> Iterator[System]:
    """Give a server's surroundings; the server itself is started by the test."""
    system = System(broker, tmp_path)
    yield system
    system.close()


def observation(detector: str, offset_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return an observation as ``hop publish`` sends it, its neutrino time ``offset_s`` after five minutes ago."""
    time_utc = BASE + timedelta(seconds=offset_s)
    return {"detector_name": detector, "neutrino_time": time_utc.isoformat(), **more}


BASE = datetime.now(UTC) - timedelta(minutes=5)
"""When the tests' neutrinos come, so that none of them is from the future."""
