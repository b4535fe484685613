"""Mails on their way."""

from functools import partial

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import StoreUnreachable
from snews_cs.heartbeats.feedback.letters import Letter
from tests.heartbeats.feedback.conftest import House, text_of
from tests.support.mail_server import SENDER, MailServer


def letter(subject: str = "News") -> Letter:
    return Letter(subject=subject, paragraphs=["First.", "Second."])


def test_what_a_mail_looks_like(house: House, mail: MailServer) -> None:
    house.post.add("one", "a@example.org", letter)
    house.post.go_on()
    [message] = mail.messages
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, "a@example.org", "News")
    assert message["Date"] == "Sat, 02 Jan 2100 16:20:03 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert text_of(message).splitlines()[:5] == ["First.", "", "Second.", "", "-- "]
    assert "cs-1" in text_of(message)


def test_each_mail_has_a_name_of_its_own_and_the_same_one_always(house: House, mail: MailServer) -> None:
    for name, address in (("one", "a@example.org"), ("one", "b@example.org"), ("two", "a@example.org")):
        house.post.add(name, address, letter)
        house.post.add(name, address.upper(), letter)
    house.post.go_on()
    house.post.add("one", "a@example.org", letter)
    house.post.go_on()
    assert len({message["Message-ID"] for message in mail.messages}) == len(mail.messages) == 3
    assert len(house.post) == 0


def test_what_cannot_go_now_is_tried_again_in_order(house: House, mail: MailServer) -> None:
    mail.faults["MAIL"] = ["451 busy", "451 busy"]
    for subject in ("first", "second"):
        house.post.add(subject, "a@example.org", partial(letter, subject))
    house.post.go_on()
    house.post.go_on()
    assert (mail.messages, mail.faults["MAIL"]) == ([], ["451 busy"])  # a pause lies between two attempts
    while len(house.post):
        house.monotonic_s += 1
        house.post.go_on()
    assert [message["Subject"] for message in mail.messages] == ["first", "second"]


def test_nobody_waits_for_what_another_refuses(house: House, mail: MailServer) -> None:
    mail.refusals["slow@example.org"] = "450 grey"
    mail.refusals["gone@example.org"] = "550 no such user"
    for address in ("slow@example.org", "gone@example.org", "b@example.org"):
        house.post.add("one", address, letter)
    with capture_logs() as logs:
        for _ in range(5):
            house.monotonic_s += 1
            house.post.go_on()
    assert mail.recipients == ["b@example.org"]
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["a mail is not sent"]
    assert len(house.post) == 1
    house.monotonic_s += 86_400
    house.post.go_on()
    assert len(house.post) == 0  # given up


def test_what_cannot_be_written_now_is_tried_again(house: House, mail: MailServer) -> None:
    def away() -> Letter:
        if house.monotonic_s < 1_010:
            raise StoreUnreachable("the store is away")
        return letter()

    house.post.add("one", "a@example.org", away)
    house.post.go_on()
    assert len(house.post) == 1
    house.monotonic_s += 20
    house.post.go_on()
    assert len(mail.messages) == 1


@pytest.mark.parametrize("names", [("one", "two")])
def test_who_is_told_to_stop_sends_no_more(house: House, mail: MailServer, names: tuple[str, ...]) -> None:
    def last() -> Letter:
        house.stop.make()
        return letter()

    for name in names:
        house.post.add(name, "a@example.org", last)
    house.post.go_on()
    assert len(mail.messages) == 1
