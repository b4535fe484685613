"""The released clients ask for feedback, and get a mail."""

from tests.clients.conftest import each_client
from tests.heartbeats.feedback.conftest import mail, text_of
from tests.streams.conftest import wait_for
from tests.support.feedback import feedback_environment, running_feedback
from tests.support.mail_server import MailServer
from tests.support.snews_pt import SnewsPt
from tests.support.system import System

__all__ = ["mail"]

SHIFT = "shift@example.org"


@each_client
def test_who_asks_is_told(system: System, snews_pt: SnewsPt, mail: MailServer) -> None:
    environment = feedback_environment(system.directory, system.database, mail, {"XENONnT": [SHIFT]})
    system.start({"DETECTOR_REGISTRY": environment["DETECTOR_REGISTRY"]})
    for status in ("ON", "OFF", "ON"):
        snews_pt.run("heartbeat", "--status", status)
    snews_pt.run("get-feedback", stdin=f"eve@example.org;{SHIFT}\n")
    system.wait_for_entries(5)
    with running_feedback(environment, system.directory / "feedback.log"):
        wait_for(lambda: mail.messages, 60)
    [message] = mail.messages
    assert mail.recipients == [SHIFT]
    assert str(message["Subject"]).startswith("XENONnT: heartbeats of the 24 hours until ")
    said = " ".join(text_of(message).split())
    assert "XENONnT counts as ON" in said
    assert "Heartbeats 3" in said
    assert "Latency median" in said
    assert [part.get_content_type() for part in message.iter_attachments()] == ["image/png"]
