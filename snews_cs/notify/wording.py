"""An alert in words."""

from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, Field, FiniteFloat, ValidationError

from snews_cs.errors import MessageRefused
from snews_cs.messages.times import NS_PER_S, describe_duration, parse_utc, tai_from_posix

LATE_AFTER_NS = 600 * NS_PER_S
"""Who is told of an alert later than this after it was sent is told so, too."""

_DAYS_PER_YEAR = 365.25
_UNITS = (("year", 1.0), ("day", 1 / _DAYS_PER_YEAR), ("hour", 1 / _DAYS_PER_YEAR / 24))
_BILLION_YEARS = 1e9
_DASH = "\N{EN DASH}"


def _on_one_line(text: str) -> str:
    """Return a text without what would end a line, or could not be shown."""
    return "".join(each if each.isprintable() else " " for each in text)


def _time(text: str) -> str:
    try:
        parse_utc(text)
    except MessageRefused as error:
        raise ValueError(str(error)) from error
    return text


_Line = Annotated[str, Field(max_length=200), AfterValidator(_on_one_line)]
_Time = Annotated[_Line, AfterValidator(_time)]


class PublishedAlert(BaseModel, frozen=True):
    """What a person is told of an alert as it was published (SPEC section 4 gives each field's meaning)."""

    alert_type: _Line
    alert_uuid: _Line
    event_id: _Line
    revision: int
    server_tag: _Line
    detector_names: list[_Line] = Field(min_length=1, max_length=100)
    neutrino_times: list[_Time]
    p_values: list[FiniteFloat | None]
    false_alarm_rate_per_year: FiniteFloat = Field(ge=0)
    detectors_online: list[_Line]
    retracted_detector_names: list[_Line] = []
    merged_event_ids: list[_Line] = []
    detector_flags: dict[_Line, list[_Line]] = Field(default={}, max_length=100)
    is_pre_sn: bool = False
    degraded: bool = False
    sent_time_utc: _Time | None = None

    @property
    def is_test(self) -> bool:
        """Whether test messages made it."""
        return self.alert_type.startswith("TEST ")

    @property
    def kind(self) -> str:
        """``INITIAL``, ``UPDATE`` or ``RETRACTION``, whether a test or not."""
        return self.alert_type.removeprefix("TEST ")

    @classmethod
    def read(cls, content: dict[str, Any]) -> "PublishedAlert":
        """Read an alert's JSON object.

        Raises
        ------
        MessageRefused
            If it is none.
        """
        try:
            alert = cls.model_validate(content)
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise MessageRefused(f"not an alert of this server: {'; '.join(faults)}") from error
        if not len(alert.detector_names) == len(alert.neutrino_times) == len(alert.p_values):
            raise MessageRefused("not an alert of this server: its lists have different lengths")
        return alert


class Member(NamedTuple):
    """A detector of an alert, as it stands in a table.

    Parameters
    ----------
    detector_name
        Its name.
    time
        When its first neutrino came: as published, with a blank for the ``T`` and without the ``Z``.
    delay
        How long after the first of all that was, ``+9.000 s``.
    p_value
        Its p-value to three digits; a dash if it gave none.
    """

    detector_name: str
    time: str
    delay: str
    p_value: str


MEMBER_COLUMNS = Member("Detector", "First neutrino (UTC)", "After the first", "p-value")
"""What stands over them."""


def members_of(alert: PublishedAlert) -> list[Member]:
    """Return an alert's detectors, earliest first."""
    return [
        Member(name, time.replace("T", " ").removesuffix("Z"), _delay(time, alert.neutrino_times[0]), _digits(p_value))
        for name, time, p_value in zip(alert.detector_names, alert.neutrino_times, alert.p_values, strict=True)
    ]


def headline(alert: PublishedAlert, *, firedrill: bool = False) -> str:
    """Return in a line what an alert says."""
    number = count(len(alert.detector_names), "detector")
    match alert.kind:
        case "RETRACTION":
            news = f"{_what(alert)} WITHDRAWN: the coincidence no longer stands"
        case "UPDATE":
            news = f"{_what(alert)} updated: {number} coincide now"
        case _:
            news = f"{_what(alert)}: {number} coincide"
    return _marked(news, alert, firedrill=firedrill)


def headline_of_event(alert: PublishedAlert, *, firedrill: bool = False) -> str:
    """Return the line that stands over the first message of an event once this later alert of it is out."""
    match alert.kind:
        case "RETRACTION":
            news = f"WITHDRAWN: {_what(alert)}, the coincidence no longer stands"
        case _:
            number = count(len(alert.detector_names), "detector")
            news = f"{_what(alert)}: {number} coincide now, revision {alert.revision} below"
    return _marked(news, alert, firedrill=firedrill)


def headline_of_merged(alert: PublishedAlert, *, firedrill: bool = False) -> str:
    """Return the line that stands over the first message of an event that this alert takes the place of."""
    return _marked(f"MERGED: {_what(alert)}, goes on in another event", alert, firedrill=firedrill)


def false_alarm_rate_in_words(alert: PublishedAlert) -> str:
    """Return how often chance alone does this."""
    online = count(len(alert.detectors_online), "detector")
    return f"False alarm rate: {frequency_in_words(alert.false_alarm_rate_per_year)}, with {online} online"


def remarks(alert: PublishedAlert) -> list[str]:
    """Return what else is to be known of an alert, a sentence each."""
    said = [f"{name} is {' and '.join(flags)}" for name, flags in alert.detector_flags.items()]
    if alert.retracted_detector_names:
        said.append(f"Withdrawn by: {', '.join(alert.retracted_detector_names)}")
    if alert.merged_event_ids:
        events = count(len(alert.merged_event_ids), "event")
        said.append(f"Merged: takes the place of {events}, {', '.join(alert.merged_event_ids)}")
    if alert.degraded:
        said.append("Sent while the server could not reach its store")
    return said


def origin(alert: PublishedAlert) -> str:
    """Return which alert it is, and who says so."""
    return f"Event {alert.event_id}, revision {alert.revision}, server {alert.server_tag}"


def alert_in_words(alert: PublishedAlert, *, firedrill: bool = False) -> str:
    """Return what to tell people: what happened, who saw it and when, how likely chance is, and who says so."""
    lines = [headline(alert, firedrill=firedrill)]
    lines += [
        f"\N{BULLET} {each.detector_name} at {each.time} ({each.delay}), p-value {each.p_value}"
        for each in members_of(alert)
    ]
    if alert.kind != "RETRACTION":
        lines.append(false_alarm_rate_in_words(alert))
    return "\n".join([*lines, *remarks(alert), origin(alert)])


def lateness_in_words(alert: PublishedAlert, what: str, now_unix_ns: int) -> str | None:
    """Return how late it is (``what`` is a mail, a message) that tells of an alert now; None if it is not late."""
    if alert.sent_time_utc is None:
        return None
    late_ns = tai_from_posix(now_unix_ns) - parse_utc(alert.sent_time_utc)
    if late_ns <= LATE_AFTER_NS:
        return None
    return f"This {what} is late: the alert is of {describe_duration(late_ns)} ago."


def frequency_in_words(rate_per_year: float) -> str:
    """Return a rate (1/year, not negative) as people say it: ``one in 97 years``."""
    if rate_per_year * _BILLION_YEARS < 1:
        return "less than one in a billion years"
    years = 1 / rate_per_year
    unit, length = next(((unit, length) for unit, length in _UNITS if years >= length), ("minute", _UNITS[-1][1] / 60))
    number = float(f"{years / length:.2g}")
    shown = f"{number:,.0f}" if number >= 10 else f"{number:g}"
    return f"one in {shown} {unit}{'' if shown == '1' else 's'}"


def count(number: int, noun: str) -> str:
    """Return ``1 detector``, ``2 detectors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _what(alert: PublishedAlert) -> str:
    return "pre-supernova alert" if alert.is_pre_sn else "supernova alert"


def _marked(news: str, alert: PublishedAlert, *, firedrill: bool) -> str:
    """Return the line, marked as an exercise if it is one."""
    if alert.is_test or firedrill:
        return f"{'TEST' if alert.is_test else 'FIREDRILL'}, {news}"
    return news[0].upper() + news[1:]


def _delay(time: str, first: str) -> str:
    return f"+{(parse_utc(time) - parse_utc(first)) / 10**9:.3f} s"


def _digits(p_value: float | None) -> str:
    return _DASH if p_value is None else f"{p_value:.3g}"
