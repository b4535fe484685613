"""An alert in words."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from snews_cs.errors import MessageRefused

_DAYS_PER_YEAR = 365.25
_UNITS = (("year", 1.0), ("day", 1 / _DAYS_PER_YEAR), ("hour", 1 / _DAYS_PER_YEAR / 24))
_BILLION_YEARS = 1e9

_Line = Annotated[str, Field(max_length=200)]


class PublishedAlert(BaseModel, frozen=True):
    """What a person is told of an alert as it was published (SPEC section 4 gives each field's meaning)."""

    alert_type: _Line
    alert_uuid: _Line
    event_id: _Line
    revision: int
    server_tag: _Line
    detector_names: list[_Line] = Field(min_length=1, max_length=100)
    neutrino_times: list[_Line]
    p_values: list[FiniteFloat | None]
    false_alarm_rate_per_year: FiniteFloat = Field(ge=0)
    detectors_online: list[_Line]
    retracted_detector_names: list[_Line] = []
    merged_event_ids: list[_Line] = []
    detector_flags: dict[_Line, list[_Line]] = Field(default={}, max_length=100)
    is_pre_sn: bool = False
    degraded: bool = False

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


def alert_in_words(alert: PublishedAlert) -> str:
    """Return what to tell people: what happened, who saw it and when, how likely chance is, and who says so."""
    members = zip(alert.detector_names, alert.neutrino_times, alert.p_values, strict=True)
    online = _count(len(alert.detectors_online), "detector")
    lines = [
        f"*{_headline(alert)}*",
        *(f"\N{BULLET} {name} at {time}, {_p_value_in_words(p_value)}" for name, time, p_value in members),
        f"By chance: {frequency_in_words(alert.false_alarm_rate_per_year)}, with {online} online",
    ]
    lines += [f"{name} is {' and '.join(flags)}" for name, flags in alert.detector_flags.items()]
    if alert.retracted_detector_names:
        lines.append(f"Withdrawn by: {', '.join(alert.retracted_detector_names)}")
    if alert.merged_event_ids:
        lines.append(f"Takes the place of {_count(len(alert.merged_event_ids), 'event')}")
    if alert.degraded:
        lines.append("Sent while the server could not reach its store")
    lines.append(f"Event {alert.event_id}, revision {alert.revision}, server {alert.server_tag}")
    return "\n".join(lines)


def frequency_in_words(rate_per_year: float) -> str:
    """Return a rate (1/year, not negative) as people say it: ``one in 97 years``."""
    if rate_per_year * _BILLION_YEARS < 1:
        return "less than one in a billion years"
    years = 1 / rate_per_year
    unit, length = next(((unit, length) for unit, length in _UNITS if years >= length), ("minute", _UNITS[-1][1] / 60))
    number = float(f"{years / length:.2g}")
    shown = f"{number:,.0f}" if number >= 10 else f"{number:g}"
    return f"one in {shown} {unit}{'' if shown == '1' else 's'}"


def _headline(alert: PublishedAlert) -> str:
    kind = "pre-supernova alert" if alert.is_pre_sn else "supernova alert"
    if alert.alert_type.endswith("RETRACTION"):
        news = f"{kind} withdrawn: the coincidence no longer stands"
    elif alert.alert_type.endswith("UPDATE"):
        news = f"{kind} updated: {_count(len(alert.detector_names), 'detector')} coincide"
    else:
        news = f"{kind}: {_count(len(alert.detector_names), 'detector')} coincide"
    return f"TEST, {news}" if alert.alert_type.startswith("TEST") else news[0].upper() + news[1:]


def _p_value_in_words(p_value: float | None) -> str:
    return "no p-value" if p_value is None else f"p-value {p_value:.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
