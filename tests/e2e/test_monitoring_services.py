"""The pages of a server whose store, then whose broker, stops and starts again."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.test_monitoring import metrics, page
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer
from tests.support.server import PATIENCE_S, ServerProcess
from tests.support.services import require
from tests.support.system import System, observation

pytestmark = pytest.mark.services


@pytest.fixture
def ferret(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FerretServer]:
    """Give a store of the test's own."""
    require(request.config, "ferretdb")
    with FerretServer(tmp_path / "ferret") as server:
        yield server


@pytest.fixture
def own_kafka(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KafkaServer]:
    """Give a broker of the test's own."""
    require(request.config, "kafka")
    with KafkaServer(tmp_path / "kafka") as server:
        yield server


def problems(server: ServerProcess) -> list[str]:
    """Return what is wrong, as the server tells."""
    status, content = page(server, "/healthz")
    found = json.loads(content)
    assert (status, found["status"]) == ((503, "FAILING") if found["problems"] else (200, "OK"))
    return [str(problem) for problem in found["problems"]]


def wait_for(server: ServerProcess, holds: Callable[[list[str]], bool]) -> list[str]:
    """Wait until the problems are as they should be."""
    end = time.monotonic() + 2 * PATIENCE_S
    while not holds(found := problems(server)):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def publish_pair(system: System, offset_s: float) -> None:
    for detector in ("JUNO", "XENONnT"):
        system.publish(observation(detector, offset_s))


def test_the_store_stops_and_starts(kafka: KafkaServer, ferret: FerretServer, tmp_path: Path) -> None:
    with closing(System(kafka, tmp_path, ferret.url)) as system:
        server = system.start({"MONITORING_ADDRESS": "127.0.0.1:0"})
        publish_pair(system, 0)
        system.alerts(1)
        assert problems(server) == []
        ferret.stop()
        publish_pair(system, 60)
        assert [alert["degraded"] for alert in system.alerts(2)] == [False, True]
        assert wait_for(server, bool)[0].startswith("DEGRADED: ")
        found = metrics(server)
        assert found["snews_cs_degraded"] == 1
        assert found["snews_cs_spool_messages"] == 2
        assert found["snews_cs_spool_age_seconds"] > 0
        ferret.start()
        assert wait_for(server, lambda found: not found) == []
        found = metrics(server)
        assert (
            found["snews_cs_degraded"] == found["snews_cs_spool_messages"] == found["snews_cs_spool_age_seconds"] == 0
        )
        assert found["snews_cs_journal_sequence"] == len(system.journal())
        assert found["snews_cs_alerts_total"] == 2
        assert server.stop() == 0


def test_the_broker_stops_and_starts(own_kafka: KafkaServer, tmp_path: Path) -> None:
    with closing(System(own_kafka, tmp_path)) as system:
        server = system.start({"MONITORING_ADDRESS": "127.0.0.1:0"})
        own_kafka.stop()
        said = f"broker {own_kafka.plain_address} does not answer"
        assert wait_for(server, bool)[0].startswith(said)
        assert metrics(server)["snews_cs_observation_topic_open"] == 0
        own_kafka.start()
        assert wait_for(server, lambda found: not found) == []
        assert metrics(server)["snews_cs_observation_topic_open"] == 1
        assert server.stop() == 0
