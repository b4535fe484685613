"""``snews_cs doctor`` on one machine: embedded broker, SQLite, a Slack that we play."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from snews_cs.cli import main
from snews_cs.monitoring.doctor.finding import Finding, Level
from snews_cs.monitoring.doctor.machine import check_registry, check_server
from snews_cs.monitoring.doctor.store import check_room, check_store
from snews_cs.monitoring.health import MonitoringServer
from snews_cs.storage.open import open_storage
from tests.monitoring.conftest import Watched
from tests.monitoring.patient import NOBODY, Patient
from tests.storage.builders import make_alerting
from tests.support.broker import PASSWORD, Broker, write_auth


@pytest.fixture
def server() -> Iterator[MonitoringServer]:
    """Give the pages of a server that is well."""
    watched = Watched()
    watched.monitor.ready()
    with MonitoringServer("127.0.0.1:0", watched.monitor) as server:
        yield server


def test_all_is_well(patient: Patient, server: MonitoringServer) -> None:
    patient.settings["MONITORING_ADDRESS"] = server.address
    code, found = patient.examine()
    clock = found.pop("clock")
    assert clock.startswith(("OK is synchronised", "WARNING is not synchronised"))
    assert code == (1 if clock.startswith("WARNING") else 0)
    topic = patient.settings["ALERT_TOPIC"].rpartition("/")[2]
    assert found["ALERT_TOPIC"] == f"OK topic {topic}: the broker does not say what is permitted"
    assert found["Kafka"].endswith("answers (without login: HOP_AUTH=false)")
    assert found["store"] == f"OK {patient.store} can be read and written"
    assert found["journal"].startswith("OK 3 entries, the last ")
    assert found["server"] == f"OK at {server.address} says OK"
    assert {name for name, text in found.items() if not text.startswith("OK ")} == set()
    assert list(found) == [
        "registry",
        "Kafka",
        "OBSERVATION_TOPIC",
        "ALERT_TOPIC",
        "CONNECTION_TEST_TOPIC",
        "CONSUMER_GROUP",
        "store",
        "journal",
        "disk",
        "spool",
        "server",
        "Slack",
        "mail",
    ]


def test_firedrills_have_their_own_topics(patient: Patient) -> None:
    code, found = patient.examine("--firedrill")
    assert code == 2
    assert found["FIREDRILL_OBSERVATION_TOPIC"].startswith("FAILED topic snews.experiments-firedrill does not exist")
    assert found["FIREDRILL_ALERT_TOPIC"].startswith("OK ")
    assert found["store"].startswith("WARNING DATABASE_SERVER: there is no store at")


def test_the_topic_of_notices_is_looked_at_if_it_is_set(patient: Patient) -> None:
    patient.settings["NO_COINCIDENCE_TOPIC"] = patient.settings["ALERT_TOPIC"].rpartition("/")[0] + "/nowhere"
    code, found = patient.examine()
    assert code == 2
    assert found["NO_COINCIDENCE_TOPIC"].startswith("FAILED topic nowhere does not exist")


def test_no_broker(patient: Patient) -> None:
    for name, url in patient.settings.items():
        patient.settings[name] = url.replace(patient.settings["HOP_BROKER"], NOBODY)
    code, found = patient.examine()
    assert code == 2
    assert found["Kafka"].startswith(f"FAILED broker {NOBODY} does not answer: ")
    assert found["Kafka"].endswith(" -> check HOP_BROKER, the network between, and the broker")
    assert not {"OBSERVATION_TOPIC", "ALERT_TOPIC", "CONNECTION_TEST_TOPIC", "CONSUMER_GROUP"} & found.keys()


@pytest.mark.parametrize(
    ("password", "said"), [(PASSWORD, "OK {} answers and lets us in"), ("quite wrong", "FAILED {} refuses the login: ")]
)
def test_login(
    patient: Patient,
    broker: Broker,
    tmp_path: Path,
    password: str,
    said: str,
) -> None:
    for name, url in patient.settings.items():
        patient.settings[name] = url.replace(broker.plain_address, broker.address)
    write_auth(tmp_path, broker.address, password=password)
    patient.settings |= {"HOP_AUTH": "true", "XDG_CONFIG_HOME": str(tmp_path)}
    _, found = patient.examine()
    assert found["Kafka"].startswith(said.format(broker.address))
    assert not any(password in text for text in found.values())


def test_no_credentials(patient: Patient) -> None:
    patient.settings["HOP_AUTH"] = "true"
    code, found = patient.examine()
    assert code == 2
    assert found["Kafka"].startswith("FAILED no credentials for ")
    assert "hop auth add" in found["Kafka"]


def test_no_store_yet_and_none_is_made(tmp_path: Path) -> None:
    path = tmp_path / "later" / "store.sqlite"
    missing, room = check_store(f"sqlite:///{path}", firedrill=False)
    assert (missing.level, missing.text) == (Level.WARNING, f"DATABASE_SERVER: there is no store at {path}")
    assert (room.level, room.subject) == (Level.OK, "disk")
    assert not path.parent.exists()


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"x" * 5000)
    finding = next(check_store(f"sqlite:///{path}", firedrill=False))
    assert (finding.level, finding.subject) == (Level.FAILED, "store")


def test_a_store_that_does_not_answer_shows_no_password(patient: Patient) -> None:
    patient.settings["DATABASE_SERVER"] = "mongodb://operator:open-sesame@127.0.0.1:1"
    code, found = patient.examine()
    assert code == 2
    assert found["store"].startswith("FAILED MongoDB at 127.0.0.1:1 does not answer")
    assert not any("sesame" in text for text in found.values())


def test_a_journal_with_alerts_that_wait(patient: Patient) -> None:
    with closing(open_storage(patient.settings["DATABASE_SERVER"])) as store:
        store.append([make_alerting(4)])
    _, found = patient.examine()
    assert found["journal"].startswith("WARNING 4 entries, ")
    assert found["journal"].endswith("; 1 alerts not published -> start a server")


def test_a_snapshot_of_another_version(patient: Patient) -> None:
    with closing(open_storage(patient.settings["DATABASE_SERVER"])) as store:
        store.save_snapshot(3, b"something else")
    _, found = patient.examine()
    assert found["snapshot"].startswith("WARNING ")


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert check_room("spool", tmp_path / "file" / "x" / "y").level is Level.FAILED
    assert check_room("spool", tmp_path / "x" / "y").level is not Level.FAILED


def test_no_registry(tmp_path: Path) -> None:
    assert check_registry(tmp_path / "none.json").level is Level.FAILED


def test_no_server_runs() -> None:
    assert check_server(NOBODY).text == f"none answers at {NOBODY}"
    assert check_server("off").level is Level.WARNING


def test_a_server_that_is_not_well(watched: Watched) -> None:
    watched.round(degraded="the store is away")
    with MonitoringServer("127.0.0.1:0", watched.monitor) as server:
        finding = check_server(server.address)
    assert finding.level is Level.FAILED
    assert finding.text == f"at {server.address}: DEGRADED: the store is away"


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"status": "OK"}', b'{"problems": 5, "status": 1}', b"\xff"])
def test_another_program_on_the_port(content: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http, _running(http):
        finding = check_server(f"127.0.0.1:{http.server_port}")
    assert (finding.level, finding.advice) == (Level.WARNING, "change MONITORING_ADDRESS")


@contextmanager
def _running(http: HTTPServer) -> Iterator[None]:
    thread = Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield
    http.shutdown()
    thread.join()


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        finding = check_server(f"{host}:{port}")
    assert (finding.level, finding.text) == (Level.FAILED, f"no health at {host}:{port}: timed out")


def test_no_secret_is_shown_whatever_an_error_tells() -> None:
    finding = Finding(Level.FAILED, "store", "login ab:abc@host failed", "not abc")
    assert finding.without({"ab", "abc"}, "*") == (Level.FAILED, "store", "login *:*@host failed", "not *")
    assert str(finding) == "FAILED  store: login ab:abc@host failed -> not abc"


def test_embedded_needs_nothing_else(patient: Patient, tmp_path: Path) -> None:
    broker_address = patient.settings["HOP_BROKER"]
    patient.settings = {"HOP_BROKER": broker_address}
    code, found = patient.examine("--embedded", "--data", str(tmp_path / "elsewhere"))
    assert code == 2
    assert found["OBSERVATION_TOPIC"].startswith("FAILED topic snews.experiments-test does not exist")
    assert json.dumps(str(tmp_path / "elsewhere"))[1:-1] in found["store"]
    assert not (tmp_path / "elsewhere").exists()
    done = CliRunner().invoke(main, ["doctor", "--data", "."])
    assert (done.exit_code, done.stderr) == (2, "snews_cs: --data goes with --embedded\n")
