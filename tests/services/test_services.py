"""The real servers do as they are told, and no test can leave one behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pymongo
import pytest
from confluent_kafka import Consumer, Producer

from tests.streams.conftest import wait_for
from tests.support.broker import create_topic
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer, kafka_cluster
from tests.support.service import ROOT
from tests.support.services import require

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _built(request: pytest.FixtureRequest) -> None:
    for name in ("kafka", "ferretdb"):
        require(request.config, name)


def write(address: str, value: bytes) -> None:
    """Write a record to topic ``t``, acknowledged by all replicas."""
    producer = Producer({"bootstrap.servers": address, "acks": "all", "log_level": 0})
    producer.produce("t", value)
    assert producer.flush(30) == 0


def read(address: str, count: int) -> list[bytes | None]:
    """Read the first records of topic ``t``."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "g", "auto.offset.reset": "earliest", "log_level": 0}
    )
    consumer.subscribe(["t"])
    records = consumer.consume(count, timeout=30)
    consumer.close()
    return [record.value() for record in records]


def test_kafka_keeps_what_it_acknowledged_through_its_kill(tmp_path: Path) -> None:
    with KafkaServer(tmp_path) as server:
        create_topic(server.plain_address, "t")
        write(server.plain_address, b"before")
        server.kill()
        server.start()
        write(server.plain_address, b"behind")
        assert read(server.plain_address, 2) == [b"before", b"behind"]
        server.stop()
        server.forget()
        server.start()
        assert "t" not in server.admin().list_topics(timeout=10).topics
    assert "ERROR" not in (tmp_path / "log").read_text()


def test_three_nodes_go_on_without_one(tmp_path: Path) -> None:
    nodes = kafka_cluster(tmp_path)
    everywhere = ",".join(node.plain_address for node in nodes)
    try:
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait()
        create_topic(everywhere, "t")
        write(everywhere, b"to three")
        leader = nodes[0].admin().list_topics(timeout=10).topics["t"].partitions[0].leader
        nodes[leader].kill()
        write(everywhere, b"to two")
        assert read(everywhere, 2) == [b"to three", b"to two"]
        nodes[leader].start()
    finally:
        for node in nodes:
            node.kill()


def test_ferretdb_keeps_what_it_acknowledged_through_its_kill(tmp_path: Path) -> None:
    with FerretServer(tmp_path) as server:
        for number in range(3):
            with pymongo.MongoClient[dict[str, int]](server.url, w="majority", journal=True) as client:
                client["test"]["t"].insert_one({"_id": number})
                server.kill()
                server.start()
                assert client["test"]["t"].count_documents({}) == number + 1


def test_a_frozen_server_does_not_answer_and_then_does(tmp_path: Path) -> None:
    with (
        FerretServer(tmp_path) as server,
        pymongo.MongoClient[dict[str, int]](server.url, timeoutMS=500) as client,
    ):
        client["test"]["t"].insert_one({"_id": 1})
        server.pause()
        with pytest.raises(pymongo.errors.PyMongoError):
            client["test"]["t"].insert_one({"_id": 2})
        server.resume()
        assert client["test"]["t"].count_documents({}) >= 1


STARTS_ONE = """
import sys, time
from pathlib import Path
from tests.support.ferretdb import FerretServer
print(FerretServer(Path(sys.argv[1])).start().pid, flush=True)
time.sleep(60)
"""


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
