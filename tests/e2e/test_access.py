"""Logging in to a real Kafka, and what it permits.

The server says in one clear line for each attempt what is wrong, and goes on when it is mended, without being started
again. A command that has an end says it in one line and ends with exit code 1.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.broker import PASSWORD, USER, write_auth
from tests.support.kafka import KafkaServer
from tests.support.server import PATIENCE_S, READY, SNEWS_CS, ServerProcess
from tests.support.system import System, observation

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
WRONG = "quite wrong"


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    """Give a server's surroundings: its broker is Kafka, its user logs in with SCRAM-SHA-512."""
    log_in(kafka, tmp_path)
    with closing(System(kafka, tmp_path, f"sqlite:///{tmp_path / 'snews_cs.sqlite'}")) as made:
        yield made


def log_in(kafka: KafkaServer, directory: Path, password: str = PASSWORD) -> Path:
    """Write hop's credentials, and return the file."""
    return write_auth(directory, kafka.address, password=password, mechanism="SCRAM-SHA-512")


def topic_of(system: System, name: str) -> str:
    return system.topics[name].rpartition("/")[2]


def publish_pair(system: System) -> None:
    for detector in ("JUNO", "XENONnT"):
        system.publish(observation(detector))


def expect_the_alert(system: System, server: ServerProcess) -> None:
    """Expect the alert of the pair, once, and an end in order without a trace of any password."""
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
    assert server.stop() == 0
    assert PASSWORD not in server.log_text()
    assert WRONG not in server.log_text()


def expect_patience(server: ServerProcess, text: str) -> None:
    """Expect a line for each of three attempts, and nothing that says it reads."""
    assert [server.wait_for(text)["again_in_s"] for _ in range(3)] == [0.1, 0.2, 0.4]
    spoken = [str(record["event"]) for record in server.log]
    assert not any(line.startswith((READY, "Traceback")) or "again" in line for line in spoken)


def test_the_right_password(system: System) -> None:
    server = system.start(credentials=system.directory)
    publish_pair(system)
    expect_the_alert(system, server)
    assert [record["event"] for record in server.log if record["level"] != "info"] == ["PUBLISHING AN ALERT!!!"]


def test_a_wrong_password(system: System, kafka: KafkaServer) -> None:
    log_in(kafka, system.directory, password=WRONG)
    server = system.start(credentials=system.directory, wait=False)
    expect_patience(server, f"{kafka.address} refuses the login: SASL authentication error: Authentication failed")
    log_in(kafka, system.directory)
    server.wait_for(READY)
    publish_pair(system)
    expect_the_alert(system, server)


def test_no_credentials(system: System, kafka: KafkaServer) -> None:
    path = log_in(kafka, system.directory)
    path.unlink()
    server = system.start(credentials=system.directory, wait=False)
    expect_patience(server, f"no credentials for {kafka.address}: {path} does not exist; make it with `hop auth add`")
    log_in(kafka, system.directory)
    server.wait_for(READY)
    publish_pair(system)
    expect_the_alert(system, server)


def test_a_topic_that_may_not_even_be_seen(system: System, kafka: KafkaServer) -> None:
    topic = topic_of(system, "experiments")
    kafka.permit("topic", topic, "READ", user="somebody-else")
    server = system.start(credentials=system.directory, wait=False)
    expect_patience(server, f"{kafka.address} does not permit the use of topic {topic}")
    kafka.permit("topic", topic, "READ")
    server.wait_for(READY)
    publish_pair(system)
    expect_the_alert(system, server)


def test_a_topic_that_may_not_be_read(system: System, kafka: KafkaServer) -> None:
    topic = topic_of(system, "experiments")
    kafka.permit("topic", topic, "DESCRIBE")
    server = system.start(credentials=system.directory, wait=False)
    expect_patience(server, f"{kafka.address} does not permit the use of topic {topic}")
    kafka.permit("topic", topic, "READ")
    server.wait_for(READY)
    publish_pair(system)
    expect_the_alert(system, server)


def test_a_group_that_may_not_be_used(system: System, kafka: KafkaServer) -> None:
    group = system.settings["CONSUMER_GROUP"]
    kafka.permit("group", group, "READ", user="somebody-else")
    server = system.start(credentials=system.directory, wait=False)
    expect_patience(server, f"{kafka.address} does not permit the use of consumer group {group} (CONSUMER_GROUP)")
    kafka.permit("group", group, "READ")
    server.wait_for(READY)
    publish_pair(system)
    expect_the_alert(system, server)


@pytest.mark.parametrize(("operation", "user"), [("READ", USER), ("WRITE", "somebody-else")], ids=["seen", "unseen"])
def test_a_topic_that_may_not_be_written(system: System, kafka: KafkaServer, operation: str, user: str) -> None:
    topic = topic_of(system, "alert")
    kafka.permit("topic", topic, operation, user=user)
    server = system.start(credentials=system.directory)
    publish_pair(system)
    failures = [server.wait_for("alerts wait to be published") for _ in range(3)]
    assert [failure["again_in_s"] for failure in failures] == [0.1, 0.2, 0.4]
    assert {failure["error"] for failure in failures} == {f"{kafka.address} does not permit the use of topic {topic}"}
    kafka.permit("topic", topic, "WRITE")
    expect_the_alert(system, server)


def test_alerts_that_may_not_be_read_back_go_out_all_the_same(system: System, kafka: KafkaServer) -> None:
    """After a crash nobody can look whether they are out already: rather twice than never."""
    topic = topic_of(system, "alert")
    kafka.permit("topic", topic, "READ")
    server = system.start(credentials=system.directory)
    publish_pair(system)
    server.wait_for("alerts wait to be published")
    server.kill()
    kafka.permit("topic", topic, "WRITE")
    server = system.start(credentials=system.directory, wait=False)
    server.wait_for("alerts may be repeated: their topic cannot be read")
    expect_the_alert(system, server)


def forget_the_password(system: System, kafka: KafkaServer) -> str:
    log_in(kafka, system.directory).unlink()
    return f"no credentials for {kafka.address}: "


def mistake_the_password(system: System, kafka: KafkaServer) -> str:
    log_in(kafka, system.directory, password=WRONG)
    return f"{kafka.address} refuses the login: "


def lack_the_permission(system: System, kafka: KafkaServer) -> str:
    topic = topic_of(system, "experiments")
    kafka.permit("topic", topic, "READ")
    return f"{kafka.address} does not permit the use of topic {topic}"


@pytest.mark.parametrize("spoil", [forget_the_password, mistake_the_password, lack_the_permission])
def test_a_command_that_has_an_end(
    system: System, kafka: KafkaServer, spoil: Callable[[System, KafkaServer], str]
) -> None:
    reason = spoil(system, kafka)
    topic = system.topics["experiments"].replace(kafka.plain_address, kafka.address)
    done = subprocess.run(
        [SNEWS_CS, "simulate", "--scenario", ROOT / "etc" / "scenarios" / "readme.json"],
        env=os.environ | {"XDG_CONFIG_HOME": str(system.directory), "OBSERVATION_TOPIC": topic},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"snews_cs: {reason}")
