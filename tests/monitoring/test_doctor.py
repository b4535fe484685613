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
from tests.storage.builders import make_alerting, make_entries
from tests.support.broker import PASSWORD, Broker, broker, make_topic, write_auth  # noqa: F401
from tests.support.mail_server import SENDER, mail_server
from tests.support.slack_server import CHANNEL, TOKEN, Fault, slack_server

NOBODY = "127.0.0.1:1"


class Patient:
    """A machine that is well; what a test changes in ``settings`` is what is wrong with it."""

    def __init__(self, broker: Broker, directory: Path) -> None:  # noqa: F811
        names = ("OBSERVATION_TOPIC", "ALERT_TOPIC", "CONNECTION_TEST_TOPIC", "FIREDRILL_ALERT_TOPIC")
        self.store = directory / "store" / "snews_cs.sqlite"
        self.settings = {name: broker.url(make_topic(broker)) for name in names} | {
            "HOP_BROKER": broker.plain_address,
            "HOP_AUTH": "false",
            "DATABASE_SERVER": f"sqlite:///{self.store}",
            "SPOOL_DIRECTORY": str(directory / "spool"),
            "DRILL_HISTORY": str(directory / "drills.jsonl"),
        }
        with closing(open_storage(self.settings["DATABASE_SERVER"])) as store:
            store.append(make_entries(1, 3))

    def examine(self, *options: str) -> tuple[int, dict[str, str]]:
        """Run the doctor; return its exit code, and what it says by subject, the level first."""
        done = CliRunner().invoke(main, ["doctor", *options], env=self.settings)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.stderr == ""  # on a terminal it would be in the middle of the table
        lines = [line.partition(": ") for line in done.stdout.splitlines()]
        found = {name[8:]: f"{name[:8].rstrip()} {text}" for name, _, text in lines}
        assert len(found) == len(lines)
        return done.exit_code, found


@pytest.fixture
def patient(broker: Broker, tmp_path: Path) -> Patient:  # noqa: F811
    """Give a machine that is well."""
    return Patient(broker, tmp_path)


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
    broker: Broker,  # noqa: F811
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


@pytest.mark.parametrize(
    ("token", "channel", "said"),
    [
        (TOKEN, CHANNEL, f"OK takes the token and channel {CHANNEL}"),
        ("xoxb-quite-wrong", CHANNEL, "FAILED Slack refuses SLACK_TOKEN: invalid_auth -> "),
        (TOKEN, "C0OTHER", "FAILED Slack refuses slack_channel_id C0OTHER: channel_not_found -> "),
        (TOKEN, "", "WARNING slack_channel_id is not set -> "),
        ("", CHANNEL, "WARNING SLACK_TOKEN is not set -> "),
    ],
    ids=["right", "wrong token", "wrong channel", "no channel", "no token"],  # a test's name is in its paths
)
def test_slack(patient: Patient, token: str, channel: str, said: str) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": token, "slack_channel_id": channel, "SLACK_API_URL": slack.url}
        _, found = patient.examine()
    assert found["Slack"].startswith(said)
    assert slack.messages == []
    assert not any(TOKEN in text or "xoxb" in text for text in found.values())


def test_slack_that_does_not_answer(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snews_cs.monitoring.doctor.people._PATIENCE_S", 0.1)
    settings = {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": f"http://{NOBODY}/"}
    patient.settings |= settings
    _, found = patient.examine()
    assert found["Slack"].startswith("WARNING has no answer in 0.1 s: Slack does not answer: ")


def test_what_slack_makes_us_wait_for_is_in_its_line(patient: Patient) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": slack.url}
        slack.fail("auth.test", Fault(status=503))
        _, found = patient.examine()
    assert (
        found["Slack"] == f"OK takes the token and channel {CHANNEL} after trouble: Slack answers with HTTP status 503"
    )


def test_a_slack_token_that_may_not_look_at_channels(patient: Patient) -> None:
    with slack_server() as slack:
        patient.settings |= {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": slack.url}
        slack.refusals["conversations.info"] = "missing_scope"
        _, found = patient.examine()
    assert found["Slack"] == "OK takes the token, which may not look at channels"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "OK is not set up"),
        ({"ALERT_EMAILS": "me@example.org"}, "FAILED smtp_server_addr and snews_sender_email are needed to send mail"),
        ({"smtp_server_addr": "{mail}"}, "FAILED smtp_server_addr and snews_sender_email are needed to send mail"),
        (
            {"smtp_server_addr": "{mail}", "snews_sender_email": SENDER},
            "OK mail server {mail} answers (no login: snews_sender_pass is not set); alerts go to nobody:",
        ),
        (
            {
                "smtp_server_addr": "{mail}",
                "snews_sender_email": SENDER,
                "ALERT_EMAILS": "me@example.org, you@example.org",
            },
            "OK mail server {mail} answers (no login: snews_sender_pass is not set); alerts go to 2 addresses",
        ),
        (
            {"smtp_server_addr": "{mail}", "snews_sender_email": SENDER, "snews_sender_pass": "open-sesame"},
            "FAILED mail server {mail} offers no TLS, and snews_sender_pass is not sent in clear -> ",
        ),
        (
            {"smtp_server_addr": NOBODY, "snews_sender_email": SENDER},
            f"WARNING mail server {NOBODY} does not answer: [Errno 111] Connection refused -> ",
        ),
    ],
    ids=["nothing", "no server", "no sender", "no recipient", "right", "no TLS", "away"],
)
def test_mail(patient: Patient, given: dict[str, str], said: str) -> None:
    with mail_server() as mail:
        patient.settings |= {name: value.format(mail=mail.address) for name, value in given.items()}
        _, found = patient.examine()
    assert found["mail"].startswith(said.format(mail=mail.address))
    assert mail.messages == []
    assert not any("sesame" in text for text in found.values())


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
