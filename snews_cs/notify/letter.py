"""An alert as a mail: for somebody whom it wakes at 3 in the morning."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from snews_cs.messages.times import describe_duration, format_utc, parse_utc
from snews_cs.notify.message import message_id, new_message
from snews_cs.notify.wording import PublishedAlert, count, frequency_in_words, lateness_in_words

_WIDTH = 72
_MOST_NAMED = 4
_SEEN = {
    False: "a burst of neutrinos",
    True: "neutrinos such as a massive star sends out in its last days before it collapses",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The mail that tells of one alert.

    Parameters
    ----------
    alert
        The alert.
    content
        It, as it was published; goes along as a file.
    link
        The page that it names to read on.
    is_firedrill
        Whether it comes from the topic of firedrills.
    now_unix_ns
        When the mail leaves, POSIX time, ns.
    """

    alert: PublishedAlert
    content: dict[str, Any]
    link: str
    is_firedrill: bool = False
    now_unix_ns: int

    def message(self, sender: str, recipient: str) -> EmailMessage:
        """Return the message.

        Its ``Message-ID`` is the alert's, so that mailboxes know one that comes twice; by ``References`` those of one
        event stand together. Only a real INITIAL is marked as important.
        """
        alert = self.alert
        message = new_message(
            name=f"alert {alert.alert_uuid}",
            subject=self.subject(),
            sender=sender,
            recipient=recipient,
            sent_unix_ns=self.now_unix_ns,
        )
        message["References"] = message_id(f"event {alert.event_id}", sender)
        if alert.kind == "INITIAL" and not self._exercise:
            message["Importance"] = "high"
            message["X-Priority"] = "1"
        message.set_content(self.text())
        message.add_attachment(
            json.dumps(self.content, indent=2).encode(),
            maintype="application",
            subtype="json",
            filename=f"SNEWS_alert_revision_{alert.revision}.json",
        )
        return message

    def subject(self) -> str:
        """Return the line that a telephone shows."""
        alert, names = self.alert, self.alert.detector_names
        who = _listed(names) if len(names) <= _MOST_NAMED else f"{len(names)} detectors"
        when = f"{_day(alert.neutrino_times[0])} {_clock(alert.neutrino_times[0])[:8]} UTC"
        line = f"{self._title()}: {who}, {when}"
        if alert.kind != "RETRACTION" and not self._exercise:
            line += f" (false alarms: {frequency_in_words(alert.false_alarm_rate_per_year)})"
        return f"[{self._exercise}] {line}" if self._exercise else line

    def text(self) -> str:
        """Return what it says."""
        return "\n\n".join(self._paragraphs()) + "\n"

    @property
    def _exercise(self) -> str:
        """What it is if nobody need look up, else an empty text."""
        return "TEST" if self.alert.is_test else "FIREDRILL" if self.is_firedrill else ""

    def _title(self) -> str:
        alert = self.alert
        what = "pre-supernova alert" if alert.is_pre_sn else "supernova alert"
        match alert.kind:
            case "RETRACTION":
                return f"WITHDRAWN {what}"
            case "UPDATE":
                return (
                    f"{what.capitalize()}, update {alert.revision - 1}{' (merged)' if alert.merged_event_ids else ''}"
                )
            case _:
                return what.capitalize() if self._exercise else what.upper()

    def _paragraphs(self) -> Iterator[str]:
        alert = self.alert
        if self._exercise:
            yield f"THIS IS A {self._exercise}. THERE IS NO SUPERNOVA."
        yield self._title()
        yield from map(_wrapped, self._news())
        yield "\n".join(self._members())
        yield from map(_wrapped, self._remarks())
        yield _wrapped(self._outlook())
        yield "\n".join(
            [
                "-- ",
                f"Event {alert.event_id}, revision {alert.revision}",
                f"Alert {alert.alert_uuid}",
                f"Sent by the server {alert.server_tag}; attached as it was published",
                f"More: {self.link}",
            ]
        )

    def _news(self) -> Iterator[str]:
        alert = self.alert
        if late := lateness_in_words(alert, "mail", self.now_unix_ns):
            yield late
        if alert.kind == "RETRACTION":
            yield "What was said of this event does not hold any more: these detectors no longer coincide."
        else:
            times = [parse_utc(time) for time in alert.neutrino_times]
            span_ns = max(times) - min(times)
            span = f"Within {describe_duration(span_ns)} of each other" if span_ns else "At the same time"
            replaces = " This replaces what was said of this event before." if alert.kind == "UPDATE" else ""
            yield f"{span}, {count(len(times), 'detector')} saw {_SEEN[alert.is_pre_sn]}.{replaces}"
        if alert.merged_event_ids:
            many = len(alert.merged_event_ids) > 1
            others, them = (f"{len(alert.merged_event_ids)} other events", "them") if many else ("Another event", "it")
            yield (
                f"{others} turned out to be this one, and you may have been told of {them}: nothing more comes for"
                f" {_listed(alert.merged_event_ids)}."
            )
        if names := alert.retracted_detector_names:
            retracted = "have retracted their observations" if len(names) > 1 else "has retracted its observation"
            yield f"{_listed(names)} {retracted}."

    def _members(self) -> Iterator[str]:
        alert = self.alert
        what = "What it was about" if alert.kind == "RETRACTION" else "First neutrinos"
        yield f"{what}, {_day(alert.neutrino_times[0])} UTC:"
        width = max(map(len, alert.detector_names))
        for name, time, p_value in zip(alert.detector_names, alert.neutrino_times, alert.p_values, strict=True):
            said = "no p-value" if p_value is None else f"p-value {p_value:.3g}"
            yield f"  {name:<{width}}  {_clock(time)}  {said}"

    def _remarks(self) -> Iterator[str]:
        alert = self.alert
        if alert.kind != "RETRACTION" and not self._exercise:
            online = count(len(alert.detectors_online), "detector")
            yield (
                f"False alarms like this: {frequency_in_words(alert.false_alarm_rate_per_year)}, with {online} online."
            )
            if others := [name for name in alert.detectors_online if name not in alert.detector_names]:
                yield f"Online, but not part of it: {_listed(others)}."
        for name, flags in alert.detector_flags.items():
            if "NOISY" in flags:
                yield f"{name} has raised more alarms of late than it should (NOISY)."
        if alert.degraded:
            yield (
                "The server could not reach its store when it sent this, and may not have known all that was seen."
                " If so, another mail follows when the store is back."
            )

    def _outlook(self) -> str:
        if self.alert.is_test:
            return "Test messages made this alert. There is nothing to do."
        if self.is_firedrill:
            return "Made-up observations made this alert, to practise with. Do what your collaboration does in a drill."
        if self.alert.kind == "RETRACTION":
            return "There is nothing more to do. If detectors coincide again, that will be a new alert."
        return (
            "A program sent this; no person has looked at it yet. If more detectors join, another mail says so. If it"
            " turns out to be wrong, another mail withdraws it."
        )


def _day(time: str) -> str:
    return format_utc(parse_utc(time))[:10]


def _clock(time: str) -> str:
    """Return the time of day, to ms, not rounded up."""
    return format_utc(parse_utc(time))[11:23]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
