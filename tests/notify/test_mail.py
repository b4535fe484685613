"""Each alert is mailed to each address once, whatever the mail server is like that day."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from snews_cs.notify.deliveries import Deliveries
from snews_cs.notify.mail import LONGEST_WAIT_S, MailedPerson
from snews_cs.notify.mailbox import MailServer
from snews_cs.notify.teller import Teller
from tests.notify.conftest import BEGAN_MS, Clock, ListedAlerts, NotesThatMayBeAway, RecordedStop, alert
from tests.support.mail_server import SENDER, mail_server
from tests.support.mail_server import MailServer as PlayedServer

ONE, OTHER = "one@example.org", "other@example.org"


@pytest.fixture
def mail() -> Iterator[PlayedServer]:
    """Give a mail server that asks for nothing."""
    with mail_server() as server:
        yield server


class Mailer:
    """A mailer that can be started again and again; time runs while it waits."""

    def __init__(self, notes: NotesThatMayBeAway, port: int, *, password: str | None = None) -> None:
        self._notes = notes
        secret = None if password is None else SecretStr(password)
        self._server = MailServer(host="127.0.0.1", port=port, sender=SENDER, password=secret)
        self._starts = 0
        self.clock = Clock()

    def mail(self, *contents: dict[str, object], to: tuple[str, ...] = (ONE, OTHER), waits: int = 1000) -> ListedAlerts:
        """Mail these alerts, or try to that often."""
        self._starts += 1
        stop = RecordedStop(self.clock)
        alerts = ListedAlerts(stop, self.clock, contents, most_batches=waits)
        deliveries = Deliveries(self._notes, holder=str(self._starts), monotonic=self.clock)
        people = [MailedPerson(address, self._server, link="https://example.org") for address in to]
        Teller(
            alerts,
            people,
            deliveries,
            topic="t",
            began_unix_ms=BEGAN_MS,
            stop=stop,
            longest_wait_s=LONGEST_WAIT_S,
            monotonic=self.clock,
        ).run()
        return alerts


@pytest.fixture
def mailer(notes: NotesThatMayBeAway, mail: PlayedServer) -> Mailer:
    return Mailer(notes, mail.port)


def revisions(mail: PlayedServer, address: str) -> list[str]:
    """Return what an address got, as the names of the files that went along."""
    return [
        str(attached.get_filename())
        for message, recipient in zip(mail.messages, mail.recipients, strict=True)
        for attached in message.iter_attachments()
        if recipient == address
    ]


def files(*numbers: int) -> list[str]:
    return [f"SNEWS_alert_revision_{number}.json" for number in numbers]


def test_each_alert_reaches_each_address_once_and_in_order(mailer: Mailer, mail: PlayedServer) -> None:
    alerts = mailer.mail(alert(1), alert(2, revision=2, alert_type="UPDATE"), alert(1))
    mailer.mail(alert(2, revision=2), alert(3, revision=3, alert_type="RETRACTION"))
    assert revisions(mail, ONE) == revisions(mail, OTHER) == files(1, 2, 3)
    assert alerts.done == 3


def test_capitals_in_an_address_make_no_other_person_of_it(mailer: Mailer, mail: PlayedServer) -> None:
    mailer.mail(alert(1), to=(ONE,))
    mailer.mail(alert(1), alert(2, revision=2), to=(ONE.upper(),))
    assert mail.recipients == [ONE, ONE.upper()]


@pytest.mark.parametrize("reply", ["450 greylisted", "421 going down"])
def test_who_cannot_be_reached_now_is_tried_again_and_nobody_waits_for_that(
    mailer: Mailer, mail: PlayedServer, reply: str
) -> None:
    mail.faults["RCPT"] = [reply]
    mailer.mail(alert(1), alert(2, revision=2))
    assert revisions(mail, ONE) == revisions(mail, OTHER) == files(1, 2)
    assert mail.recipients[0] == OTHER


@pytest.mark.parametrize(("command", "reply"), [("RCPT", "550 no such user"), ("DATA", "554 looks like spam")])
def test_what_is_refused_for_good_is_said_and_holds_up_nothing(
    mailer: Mailer, mail: PlayedServer, command: str, reply: str
) -> None:
    mail.faults[command] = [reply]
    with capture_logs() as lines:
        mailer.mail(alert(1), alert(2, revision=2))
        mailer.mail(alert(1), alert(2, revision=2))
    assert revisions(mail, ONE) == files(2)
    assert revisions(mail, OTHER) == files(1, 2)
    [error] = [line for line in lines if line["log_level"] == "error"]
    assert (error["to"], error["alert_uuid"]) == (ONE, "alert 1")
    assert reply in error["reason"]
    told = {line["delivery"] for line in lines if line["event"] == "told of an alert"}
    assert told == {f"mail to {OTHER}/alert 1/mail", f"mail to {ONE}/alert 2/mail", f"mail to {OTHER}/alert 2/mail"}


def test_an_outage_is_waited_out_for_ever(notes: NotesThatMayBeAway) -> None:
    with mail_server() as gone:
        port = gone.port
    mailer = Mailer(notes, port)
    with capture_logs() as lines:
        alerts = mailer.mail(alert(1), to=(ONE,), waits=2000)
    waits = [line["again_in_s"] for line in lines if line["log_level"] == "warning"]
    assert waits[:10] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2]
    assert set(waits[10:]) == {60.0}
    assert "does not answer" in lines[-1]["event"]
    assert alerts.done == 0


def test_a_refusal_of_the_sender_or_the_login_is_waited_out_too(mailer: Mailer, mail: PlayedServer) -> None:
    mail.faults["MAIL"] = ["550 not one of ours", "530 log in first"]
    mailer.mail(alert(1))
    assert revisions(mail, ONE) == revisions(mail, OTHER) == files(1)


def test_a_mail_whose_receipt_was_lost_comes_twice_and_is_known_as_the_same(mailer: Mailer, mail: PlayedServer) -> None:
    mail.faults["DATA"] = [PlayedServer.DROP]
    mailer.mail(alert(1), to=(ONE,))
    first, second = mail.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_alerts_of_firedrills_are_marked(notes: NotesThatMayBeAway, mail: PlayedServer) -> None:
    clock = Clock()
    stop = RecordedStop(clock)
    person = MailedPerson(
        ONE, MailServer(host="127.0.0.1", port=mail.port, sender=SENDER), link="https://example.org", firedrill=True
    )
    alerts = ListedAlerts(stop, clock, [alert(1)])
    deliveries = Deliveries(notes, holder="h")
    Teller(alerts, [person], deliveries, topic="t", began_unix_ms=BEGAN_MS, stop=stop, monotonic=clock).run()
    assert mail.messages[0]["Subject"].startswith("[FIREDRILL] ")
