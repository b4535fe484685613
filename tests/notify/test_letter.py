"""A mail says what has happened to somebody who has just been woken."""

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.notify.letter import Letter
from snews_cs.notify.wording import PublishedAlert
from tests.notify.conftest import alert

NOW_NS = int(datetime(2026, 11, 21, 12, 30, 11, tzinfo=UTC).timestamp()) * 10**9


def letter(*, is_firedrill: bool = False, **changes: Any) -> Letter:
    content = alert(**{"sent_time_utc": "2026-11-21T12:30:10.000000000Z", **changes})
    return Letter(
        alert=PublishedAlert.read(content),
        content=content,
        link="https://example.org/alerts",
        is_firedrill=is_firedrill,
        now_unix_ns=NOW_NS,
    )


def received(sent: Letter) -> EmailMessage:
    """Return the message as it comes out of the wire."""
    message = message_from_bytes(bytes(sent.message("snews@example.org", "me@example.org")), policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def text_of(sent: Letter) -> str:
    body = received(sent).get_body()
    assert isinstance(body, EmailMessage)
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


def test_an_initial_alert() -> None:
    sent = letter()
    assert sent.subject() == (
        "SUPERNOVA ALERT: Super-K and JUNO, 2026-11-21 12:30:00 UTC (false alarms: one in 97 years)"
    )
    assert (
        text_of(sent)
        == """\
SUPERNOVA ALERT

Within 9 s of each other, 2 detectors saw a burst of neutrinos.

First neutrinos, 2026-11-21 UTC:
  Super-K  12:30:00.000  p-value 0.0123
  JUNO     12:30:09.000  no p-value

False alarms like this: one in 97 years, with 4 detectors online.

Online, but not part of it: DUNE and LZ.

A program sent this; no person has looked at it yet. If more detectors
join, another mail says so. If it turns out to be wrong, another mail
withdraws it.

--\x20
Event 5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11, revision 1
Alert alert 0
Sent by the server test server; attached as it was published
More: https://example.org/alerts
"""
    )


def test_the_alert_goes_along_as_it_was_published() -> None:
    sent = letter(unknown_field=[1, 2])
    [attached] = received(sent).iter_attachments()
    assert attached.get_content_type() == "application/json"
    assert attached.get_filename() == "SNEWS_alert_revision_1.json"
    assert json.loads(attached.get_content()) == sent.content


def test_an_update_says_that_it_replaces_what_was_said() -> None:
    sent = letter(
        alert_type="UPDATE",
        revision=3,
        detector_names=["Super-K", "IceCube", "LZ", "NOvA", "JUNO"],
        neutrino_times=["2026-11-21T12:30:00Z"] * 5,
        p_values=[None] * 5,
        retracted_detector_names=["DUNE"],
    )
    assert sent.subject() == (
        "Supernova alert, update 2: 5 detectors, 2026-11-21 12:30:00 UTC (false alarms: one in 97 years)"
    )
    said = text_of(sent)
    assert "At the same time, 5 detectors saw a burst of neutrinos. This replaces\nwhat was said of this event" in said
    assert "DUNE has retracted its observation.\n" in said


def test_a_retraction_comes_without_odds_and_says_who() -> None:
    sent = letter(alert_type="RETRACTION", revision=2, retracted_detector_names=["Super-K", "JUNO"])
    assert sent.subject() == "WITHDRAWN supernova alert: Super-K and JUNO, 2026-11-21 12:30:00 UTC"
    said = text_of(sent)
    assert said.startswith("WITHDRAWN supernova alert\n\nWhat was said of this event does not hold any more")
    assert "Super-K and JUNO have retracted their observations.\n" in said
    assert "What it was about, 2026-11-21 UTC:\n  Super-K  12:30:00.000" in said
    assert "There is nothing more to do." in said
    assert "one in" not in said


@pytest.mark.parametrize(
    ("merged", "words"),
    [
        (
            ["e-1"],
            "Another event turned out to be this one, and you may have been told of it: nothing more comes for e-1.",
        ),
        (["e-1", "e-2"], "2 other events turned out to be this one"),
        (["e-1", "e-2"], "you may have been told of them: nothing more comes for e-1 and e-2."),
    ],
)
def test_events_that_became_one_are_named(merged: list[str], words: str) -> None:
    sent = letter(alert_type="UPDATE", revision=2, merged_event_ids=merged)
    assert sent.subject().startswith("Supernova alert, update 1 (merged): ")
    assert words in text_of(sent).replace("\n", " ")


def test_a_star_about_to_collapse_is_not_a_burst() -> None:
    sent = letter(is_pre_sn=True)
    assert sent.subject().startswith("PRE-SUPERNOVA ALERT: Super-K and JUNO")
    assert "in its last days before it collapses" in text_of(sent).replace("\n", " ")


@pytest.mark.parametrize(("kind", "is_firedrill"), [("TEST", False), ("TEST", True), ("FIREDRILL", True)])
@pytest.mark.parametrize("alert_type", ["INITIAL", "UPDATE", "RETRACTION"])
def test_an_exercise_cannot_be_taken_for_the_real_thing(kind: str, alert_type: str, *, is_firedrill: bool) -> None:
    sent = letter(alert_type=f"TEST {alert_type}" if kind == "TEST" else alert_type, is_firedrill=is_firedrill)
    assert sent.subject().startswith(f"[{kind}] ")
    assert text_of(sent).startswith(f"THIS IS A {kind}. THERE IS NO SUPERNOVA.\n")
    assert "SUPERNOVA ALERT" not in sent.subject() + text_of(sent)
    assert "one in" not in sent.subject() + text_of(sent)


def test_only_a_real_initial_alert_is_marked_as_important() -> None:
    marked = {
        alert_type: received(letter(alert_type=alert_type))["Importance"]
        for alert_type in ("INITIAL", "UPDATE", "RETRACTION", "TEST INITIAL")
    }
    assert marked == {"INITIAL": "high", "UPDATE": None, "RETRACTION": None, "TEST INITIAL": None}
    assert received(letter(is_firedrill=True))["Importance"] is None


def test_doubts_are_named() -> None:
    said = text_of(letter(degraded=True, detector_flags={"JUNO": ["NOISY", "NEW"], "LZ": ["NEW"]}))
    assert "The server could not reach its store when it sent this" in said
    assert "JUNO has raised more alarms of late than it should (NOISY).\n" in said
    assert "NEW" not in said


@pytest.mark.parametrize(
    ("sent_time", "is_late"), [("2026-11-21T12:25:00Z", False), ("2026-11-21T09:00:00Z", True), (None, False)]
)
def test_a_late_mail_says_so(sent_time: str | None, *, is_late: bool) -> None:
    assert ("This mail is late: the alert is of 3 hours ago.\n" in text_of(letter(sent_time_utc=sent_time))) == is_late


def test_mailboxes_know_a_repeat_and_what_belongs_together() -> None:
    first, again = received(letter()), received(letter(sent_time_utc="2026-11-21T12:30:10.5Z"))
    update, other = received(letter(number=1, alert_type="UPDATE")), received(letter(number=2, event_id="other"))
    assert first["Message-ID"] == again["Message-ID"]
    assert len({message["Message-ID"] for message in (first, update, other)}) == 3
    assert first["References"] == update["References"] != other["References"]
    assert first["Auto-Submitted"] == "auto-generated"


def test_names_cannot_write_lines_of_their_own() -> None:
    names = ["Super-K\r\nBcc: all@example.org", "Mt. \N{HIRAGANA LETTER A}\N{RIGHT-TO-LEFT OVERRIDE}"]
    sent = letter(detector_names=names, alert_uuid="x\r\ny", event_id="x\ny")
    assert received(sent)["Bcc"] is None
    assert "  Super-K  Bcc: all@example.org  12:30:00.000" in text_of(sent)
    assert "Mt. \N{HIRAGANA LETTER A}" in text_of(sent)
    assert "Mt. \N{HIRAGANA LETTER A}" in received(sent)["Subject"]
    bytes(sent.message("snews@example.org", "me@example.org")).decode("ascii")


def test_a_time_that_is_none_is_no_alert() -> None:
    with pytest.raises(MessageRefused, match="neutrino_times"):
        letter(neutrino_times=["yesterday", "today"])
