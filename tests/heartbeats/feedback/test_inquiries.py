"""Get-Feedback: who is answered, how often, and with what."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from snews_cs.heartbeats.feedback.unanswered import MOST_NAMED
from snews_cs.messages.admission import AdmissionPolicy, read_message
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S
from snews_cs.storage.entry import Entry
from tests.heartbeats.feedback.conftest import NOW, REGISTRY, House, text_of
from tests.storage.builders import DAY_NS, make_raw
from tests.support.mail_server import MailServer

PNG = b"\x89PNG\r\n\x1a\n"
POLICY = AdmissionPolicy(registry=REGISTRY)


def ask(house: House, email: str, *, detector: str = "JUNO", received_ns: int = NOW) -> Entry:
    """Journal a Get-Feedback as snews_pt sends it, with the verdict of a server."""
    body = f'{{"_id": "0_Get-Feedback", "email": "{email}", "detector_name": "{detector}", "meta": {{}}}}'.encode()
    raw: RawMessage = make_raw(house.store.last_sequence(), value=body)
    reading = read_message(raw, received_ns, POLICY)
    [entry] = house.beating.receive(
        [(received_ns, reading.message)] if reading.message else [], raw=raw, verdict=reading.verdict
    )
    return entry


def unanswered(logs: list[EventDict]) -> list[EventDict]:
    """Return the lines that tell of requests which are not answered."""
    return [line for line in logs if line["event"].startswith("feedback is not mailed")]


def pictures(message: EmailMessage) -> list[tuple[str | None, bytes]]:
    return [(part.get_filename(), part.get_content()) for part in message.iter_attachments()]


def test_who_is_registered_is_answered_with_words_and_a_figure(house: House, mail: MailServer) -> None:
    house.beating.beat("JUNO", until_ns=NOW - 30 * NS_PER_S, beats=1_000)
    ask(house, "shift@juno.example.org")
    house.look()
    [message] = mail.messages
    assert mail.recipients == ["shift@juno.example.org"]
    assert message["Subject"] == "JUNO: heartbeats of the 24 hours until 2100-01-02 16:20:03 UTC"
    said = text_of(message)
    assert "JUNO counts as ON: last heard at 2100-01-02 16:19:33 UTC, 30 s before." in " ".join(said.split())
    assert "Heartbeats                1,000" in said
    assert "From one to the next      60 s on average, standard deviation 0 s" in said
    assert "Latency                   median 500 ms, at most 500 ms" in said
    [(name, png)] = pictures(message)
    assert name == "JUNO_2100-01-02T16-20-03Z.png"
    assert png.startswith(PNG)
    assert (house.figures / name).read_bytes() == png


def test_each_is_answered_once_over_restarts(tmp_path: Path, house: House, mail: MailServer) -> None:
    ask(house, "shift@juno.example.org")
    ask(house, "shift@juno.example.org")
    house.look()
    house.look(after_s=10)
    other = House(tmp_path, mail, name="another")
    other.look()
    other.close()
    assert len(mail.messages) == 2


def test_only_registered_addresses_are_answered_and_others_logged(house: House, mail: MailServer) -> None:
    with capture_logs() as logs:
        ask(house, "eve@example.org; chief@JUNO.example.org;shift@lz.example.org")
        ask(house, "eve@example.org")
        house.look()
    assert mail.recipients == ["Chief@juno.example.org"]  # as it is registered
    [told] = unanswered(logs)
    assert told["event"] == "feedback is not mailed to who is not registered"
    assert (told["requests"], told["detectors"]) == (2, ["JUNO"])
    assert told["addresses"] == ["eve@example.org", "shift@lz.example.org"]


def test_strangers_do_not_fill_the_log(house: House, mail: MailServer) -> None:
    """A thousand requests, eight a second: a line a minute, and none of them is left out of the count."""
    with capture_logs() as logs:
        for number in range(1_000):
            ask(house, f"eve{number}@example.org", detector="JUNO" if number % 2 else "LZ", received_ns=house.now_ns)
            house.look(after_s=0.125)
        house.inquiries.close()
        house.inquiries.close()
    told = unanswered(logs)
    assert [line["requests"] for line in told] == [1, 480, 480, 39]
    assert told[1]["detectors"] == ["JUNO", "LZ"]
    assert [len(line["addresses"]) for line in told] == [1] + 3 * [MOST_NAMED]
    assert mail.messages == []


def test_who_is_no_longer_registered_is_not_answered(house: House, mail: MailServer) -> None:
    """The verdict is of when the message came; the registry in force decides besides."""
    entry = ask(house, "shift@juno.example.org")
    message: Any = entry.message
    house.beating.receive([(NOW, type(message)(detector_name="LZ", message_uuid="2", emails=message.emails))])
    house.look()
    assert len(mail.messages) == 1


@pytest.mark.parametrize(("age_ns", "answers"), [(DAY_NS - NS_PER_S, 1), (DAY_NS + NS_PER_S, 0)])
def test_what_was_asked_a_day_ago_is_not_answered(house: House, mail: MailServer, age_ns: int, answers: int) -> None:
    for number in range(40):
        house.beating.beat("LZ", until_ns=NOW - 2 * DAY_NS + number * NS_PER_S, beats=1)
    ask(house, "shift@juno.example.org", received_ns=NOW - age_ns)
    house.look()
    assert len(mail.messages) == answers


def test_the_answer_is_of_the_time_of_the_question(house: House, mail: MailServer) -> None:
    house.beating.beat("LZ", until_ns=NOW - 3_600 * NS_PER_S, beats=3)
    ask(house, "shift@lz.example.org", detector="lz", received_ns=NOW - 1_800 * NS_PER_S)
    house.beating.beat("LZ", until_ns=NOW, beats=2)
    house.look()
    [message] = mail.messages
    assert message["Subject"].endswith("until 2100-01-02 15:50:03 UTC")
    said = text_of(message)
    assert "Heartbeats                3" in said
    assert "fewer than 5 heartbeats a day" in said


def test_a_mailbox_cannot_be_filled(house: House, mail: MailServer) -> None:
    for number in range(12):
        ask(house, "shift@juno.example.org", received_ns=NOW + number * NS_PER_S)
    with capture_logs() as logs:
        house.look(after_s=60)
    assert len(mail.messages) == 10
    assert [(log["event"], log["requests"]) for log in unanswered(logs)] == [
        ("feedback is not mailed again so soon", 2)
    ]
    ask(house, "shift@juno.example.org", received_ns=NOW + 3_700 * NS_PER_S)
    house.look(after_s=3_700)
    assert len(mail.messages) == 11


def test_a_store_that_was_emptied_is_followed_from_its_beginning(house: House, mail: MailServer) -> None:
    for _ in range(3):
        ask(house, "shift@juno.example.org")
    house.look()
    house.store.drop()
    house.store.prepare()
    ask(house, "shift@lz.example.org", detector="LZ")
    house.look()
    assert mail.recipients == ["shift@juno.example.org"] * 3 + ["shift@lz.example.org"]
