"""The mails to a detector's people: the answer to Get-Feedback; that it is silent; that it is back."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from snews_cs.heartbeats.feedback.durations import in_words, plain_number
from snews_cs.heartbeats.feedback.report import Report
from snews_cs.heartbeats.feedback.silence import Silence
from snews_cs.heartbeats.feedback.wording import in_figures, length, moment, paragraph, remarks, status_now, table
from snews_cs.messages.times import posix_from_tai
from snews_cs.messages.types import Nanoseconds
from snews_cs.notify.message import new_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a mail says, to whomever it goes.

    Parameters
    ----------
    subject
        The line that a telephone shows.
    paragraphs
        What it says.
    picture
        A picture that goes along, as PNG, and the name of its file.
    """

    subject: str
    paragraphs: Sequence[str]
    picture: tuple[bytes, str] | None = None

    def message(self, recipient: str, *, name: str, sender: str, server_tag: str, sent_ns: Nanoseconds) -> EmailMessage:
        """Return the message.

        Parameters
        ----------
        recipient, sender
            The addresses.
        name
            What tells it from all others: its ``Message-ID``, by which mailboxes know one that comes twice.
        server_tag
            Who sends it (``SERVER_TAG``).
        sent_ns
            When, TAI ns.
        """
        message = new_message(
            name=name,
            subject=self.subject,
            sender=sender,
            recipient=recipient,
            sent_unix_ns=posix_from_tai(sent_ns),
        )
        why = f"Sent by the SNEWS server {server_tag}, to an address that is registered for this detector."
        message.set_content("\n\n".join([*self.paragraphs, f"-- \n{paragraph(why)}"]) + "\n")
        if self.picture is not None:
            png, file_name = self.picture
            message.add_attachment(png, maintype="image", subtype="png", filename=file_name, disposition="inline")
        return message


def feedback_letter(report: Report, picture: tuple[bytes, str]) -> Letter:
    """Return the answer to Get-Feedback.

    Parameters
    ----------
    report
        What is said.
    picture
        The figure of it, as PNG, and the name of its file.
    """
    until = moment(report.until_ns)
    offline = length(report.offline_after_ns)
    return Letter(
        subject=f"{report.detector_name}: heartbeats of the 24 hours until {until}",
        paragraphs=[
            paragraph(
                f"You asked at {until}, by Get-Feedback, how the heartbeats of {report.detector_name} do.",
                status_now(report),
            ),
            f"In the 24 hours before that:\n{table(in_figures(report))}",
            *map(paragraph, remarks(report)),
            paragraph(
                f"The figure shows when it counted as ON, OFF or silent (not heard for {offline});",
                "below, each time from one heartbeat to the next, with their mean and 1 and 3 standard deviations;",
                "at the bottom, how long each took from the machine that wrote it to the server.",
            ),
        ],
        picture=picture,
    )


def silence_letter(silence: Silence) -> Letter:
    """Return the mail that says that a detector is silent, or that it is back.

    Parameters
    ----------
    silence
        What is said.
    """
    if silence.back_ns is not None:
        return _back_letter(silence, silence.back_ns)
    detector, since = silence.detector_name, moment(silence.since_ns)
    usual, spread = in_words(silence.interval_mean_s), in_words(silence.interval_sigma_s)
    last_day = (
        f"In the 24 hours before this was found out it sent {plain_number(silence.beats, digits=9)} heartbeats, one"
        f" every {usual} on average (standard deviation {spread}); the next one was expected within"
        f" {in_words(silence.expected_within_s)}."
    )
    fault = "No other detector is heard at present: the fault may be with SNEWS, or with the broker."
    means = "A detector that is not heard counts as offline. Observations that it sends count all the same."
    advice = "If it is meant to be off: after a heartbeat that says OFF, nobody is warned."
    return Letter(
        subject=f"{detector} is silent: not heard since {since}",
        paragraphs=[
            paragraph(f"Nothing was heard of {detector} since {since}.", last_day),
            *([] if silence.others_heard else [paragraph(fault)]),
            paragraph(means, "Another mail follows when it is back.", advice),
        ],
    )


def _back_letter(silence: Silence, back_ns: Nanoseconds) -> Letter:
    detector, lasted = silence.detector_name, length(back_ns - silence.since_ns)
    heard = f"{detector} was heard again at {moment(back_ns)}, for the first time since {moment(silence.since_ns)}."
    says = f"It says that it is {silence.back_status}."
    return Letter(subject=f"{detector} is back, after {lasted} of silence", paragraphs=[paragraph(heard, says)])
