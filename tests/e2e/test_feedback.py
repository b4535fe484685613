"""From a detector's hand to its people's mailbox."""

from email.message import EmailMessage

import pytest

from tests.heartbeats.feedback.conftest import mail
from tests.streams.conftest import wait_for
from tests.support.feedback import feedback_environment, running_feedback
from tests.support.mail_server import MailServer
from tests.support.system import System

__all__ = ["mail"]

SHIFT, CHIEF = "shift@juno.example.org", "chief@juno.example.org"


@pytest.fixture
def environment(system: System, mail: MailServer) -> dict[str, str]:
    return feedback_environment(system.directory, system.database, mail, {"JUNO": [SHIFT, CHIEF]})


def heartbeat(number: int) -> dict[str, object]:
    return {"_id": f"JUNO_Heartbeat_{number}", "detector_name": "JUNO", "detector_status": "ON", "tier": "Heartbeat"}


def ask(email: str) -> dict[str, object]:
    return {"_id": "0_Get-Feedback", "email": email, "detector_name": "JUNO", "meta": {}}


def test_a_detector_is_told_how_it_does(system: System, environment: dict[str, str], mail: MailServer) -> None:
    system.start({"DETECTOR_REGISTRY": environment["DETECTOR_REGISTRY"]})
    for number in range(6):
        system.publish(heartbeat(number))
    system.publish(ask(f"{SHIFT};eve@example.org"))
    system.publish(ask("eve@example.org"))
    system.wait_for_entries(9)
    log = system.directory / "feedback.log"
    with running_feedback(environment, log):
        wait_for(lambda: len(mail.messages) == 3, 60)
    system.publish(heartbeat(6))
    system.wait_for_entries(10)
    with running_feedback(environment, log):
        wait_for(lambda: len(mail.messages) == 5, 60)
    assert sorted(mail.recipients) == sorted([SHIFT, *2 * [SHIFT, CHIEF]])
    told = [said(message) for message in mail.messages]
    assert sorted(told[:3]) == ["JUNO is silent:", "JUNO is silent:", "JUNO: heartbeats of"]
    assert told[3:] == ["JUNO is back,"] * 2
    [answer] = [message for message in mail.messages if "heartbeats of" in message["Subject"]]
    assert [part.get_content_type() for part in answer.iter_attachments()] == ["image/png"]


def said(message: EmailMessage) -> str:
    """Return the first three words of a subject."""
    return " ".join(str(message["Subject"]).split()[:3])
