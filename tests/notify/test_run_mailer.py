"""The command, as installed, from an alert topic to a mail server."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from snews_cs.broker.process import BrokerProcess
from snews_cs.storage.open import open_notes
from tests.notify.conftest import alert
from tests.notify.test_mailbox import AUTHORITY, certificate
from tests.streams.conftest import produce, wait_for
from tests.support.mail_server import PASSWORD, SENDER, MailServer, mail_server

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """Give a mail server that takes a login, over TLS."""
    with mail_server(certificate()) as server:
        yield server


@pytest.fixture
def environment(broker: BrokerProcess, topic: str, mail: MailServer, tmp_path: Path) -> dict[str, str]:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    return {
        **os.environ,
        "DATABASE_SERVER": f"sqlite:///{tmp_path}/store.sqlite",
        "ALERT_TOPIC": broker.url(topic),
        "HOP_AUTH": "false",
        "CONSUMER_GROUP": topic,
        "ALERT_EMAILS": "one@example.org; other@example.org, ONE@example.org",
        "smtp_server_addr": mail.address,
        "snews_sender_email": SENDER,
        "snews_sender_pass": PASSWORD,
        "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
    }


class Running:
    """The command, and what it has said so far."""

    def __init__(self, environment: dict[str, str], log: Path, *options: str) -> None:
        self._log = log
        self._environment = environment
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [SNEWS_CS, "run-mailer", *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, but not for one that has ended."""

        def holds_or_ended() -> object:
            assert self.process.poll() is None, self.output
            return condition()

        wait_for(holds_or_ended, 60)

    def wait_until_begun(self, topic: str = "ALERT_TOPIC", *, firedrill: bool = False) -> None:
        """Wait until it has noted since when people are to be told."""
        name = f"began/mail to other@example.org/{self._environment[topic]}"
        with closing(open_notes(self._environment["DATABASE_SERVER"], firedrill=firedrill)) as notes:
            self.wait_for(lambda: notes.get(name))

    def stop(self) -> None:
        """Tell it to stop; it must do so well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0, self.output
        assert PASSWORD not in self.output


@contextmanager
def running(environment: dict[str, str], tmp_path: Path, *options: str) -> Iterator[Running]:
    """Run the command; at the end it is told to stop."""
    mailer = Running(environment, tmp_path / "log", *options)
    try:
        yield mailer
        mailer.stop()
    finally:
        mailer.process.kill()
        mailer.process.wait()


def publish(broker: BrokerProcess, topic: str, *contents: dict[str, object]) -> None:
    produce(broker.plain_address, topic, *(json.dumps(content).encode() for content in contents))


def test_alerts_are_mailed_once_over_restarts(
    broker: BrokerProcess, topic: str, mail: MailServer, environment: dict[str, str], tmp_path: Path
) -> None:
    publish(broker, topic, alert(0))
    with running(environment, tmp_path) as mailer:
        mailer.wait_until_begun()
        publish(broker, topic, alert(1), alert(1))
        mailer.wait_for(lambda: len(mail.messages) == 2)
    publish(broker, topic, alert(1), alert(2, alert_type="RETRACTION"))
    with running(environment, tmp_path) as mailer:
        mailer.wait_for(lambda: len(mail.messages) == 4)
    assert mail.recipients == ["one@example.org", "other@example.org"] * 2
    assert [message["Subject"].split(":")[0] for message in mail.messages] == [
        "SUPERNOVA ALERT",
        "SUPERNOVA ALERT",
        "WITHDRAWN supernova alert",
        "WITHDRAWN supernova alert",
    ]
    assert all(mail.encrypted)


def test_with_test_or_firedrill_the_alerts_of_those_are_mailed_instead(
    broker: BrokerProcess, topic: str, mail: MailServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"CONNECTION_TEST_TOPIC": broker.url(topic), "ALERT_TOPIC": broker.url("never-read")}
    with running(environment, tmp_path, "--test") as mailer:
        mailer.wait_until_begun("CONNECTION_TEST_TOPIC")
        publish(broker, topic, {"id": "0_test-connection"}, alert(0, alert_type="TEST INITIAL"))
        mailer.wait_for(lambda: len(mail.messages) == 2)
    assert mail.messages[0]["Subject"].startswith("[TEST] ")


def test_what_was_mailed_in_firedrills_is_noted_elsewhere(
    broker: BrokerProcess, topic: str, mail: MailServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"FIREDRILL_ALERT_TOPIC": broker.url(topic), "ALERT_TOPIC": broker.url("never-read")}
    with running(environment, tmp_path, "--firedrill") as mailer:
        mailer.wait_until_begun("FIREDRILL_ALERT_TOPIC", firedrill=True)
        publish(broker, topic, alert(0))
        mailer.wait_for(lambda: len(mail.messages) == 2)
    assert mail.messages[0]["Subject"].startswith("[FIREDRILL] ")


def test_a_mail_server_that_is_away_at_the_start_is_waited_for(
    broker: BrokerProcess, topic: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """And one that hangs holds up nobody who wants to stop."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        hanging.settimeout(60)
        environment |= {"smtp_server_addr": f"127.0.0.1:{hanging.getsockname()[1]}"}
        with running(environment, tmp_path) as mailer:
            connection, _ = hanging.accept()
            connection.close()
            mailer.wait_until_begun()
            publish(broker, topic, alert(0))
            connection, _ = hanging.accept()
            mailer.stop()
            connection.close()
    assert "does not answer" in mailer.output


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ALERT_EMAILS": ""}, "snews_cs: ALERT_EMAILS is needed to mail alerts to"),
        ({"smtp_server_addr": ""}, "snews_cs: smtp_server_addr and snews_sender_email are needed to send mail"),
        ({"snews_sender_pass": "wrong-one"}, "refuses snews_sender_email or snews_sender_pass: 535"),
        ({"DATABASE_SERVER": "sqlite:///{here}/authority.pem/store"}, "DATABASE_SERVER"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    environment: dict[str, str], tmp_path: Path, changes: dict[str, str], line: str
) -> None:
    environment |= {name: value.format(here=tmp_path) for name, value in changes.items()}
    done = subprocess.run(
        [SNEWS_CS, "run-mailer"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    [said] = done.stderr.splitlines()
    assert line in said
    assert done.stdout == ""
