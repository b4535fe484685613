"""Scenarios: what detectors say, and when, in a small JSON file.

::

    {
      "title": "Two detectors coincide, one of them was mistaken",
      "messages": [
        {"at_s": 0, "detector": "Super-K", "kind": "heartbeat"},
        {"at_s": 1, "detector": "Super-K", "kind": "observation", "neutrino_time_s": -60, "p_value": 0.02},
        {"at_s": 2, "detector": "XENONnT", "kind": "observation", "neutrino_time_s": "-57.000000001",
         "client": "snews_pt-3.0", "name": "the mistake"},
        {"at_s": 4, "detector": "XENONnT", "kind": "retraction", "retract": "the mistake", "client": "snews_pt-3.0"},
        {"at_s": 5, "kind": "raw", "text": "hello?"}
      ]
    }

``at_s``
    When the message is sent: seconds after the start (0 if not given).
``detector``
    Who sends it.
``kind``
    ``observation`` (with ``neutrino_time_s``: seconds from the start, negative: before it; ``p_value``; ``is_pre_sn``);
    ``retraction`` (with ``retract``: the ``name`` of an earlier message of the scenario, or ``latest``: a number or
    ``"ALL"``; ``reason``); ``heartbeat`` (with ``status``: ``ON``, if not given, or ``OFF``); ``raw`` (a ``text`` that
    is sent as it stands: what no client sends). An observation within 1 s of the detector's former one refines it.
``client``
    The program that sends it, see :data:`snews_cs.simulation.clients.Client`; ``hop``, JSON by hand, if not given.
``is_test``
    Whether it is marked as a test.

Seconds are decimal numbers, exact to the nanosecond; as texts they need not pass through other programs' floats.
"""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from snews_cs.errors import SettingsError
from snews_cs.messages.types import Heartbeat, Nanoseconds, Observation, Retraction
from snews_cs.simulation.clients import Client
from snews_cs.simulation.cues import Cue

_LONGEST_S = 10**9


def _nanoseconds(value: object) -> int:
    try:
        seconds = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number of seconds") from None
    if not (seconds.is_finite() and abs(seconds) <= _LONGEST_S):
        raise ValueError(f"{value!r} is not a number of seconds up to {_LONGEST_S}")
    ns = seconds * 10**9
    if ns != int(ns):
        raise ValueError(f"{value!r} is finer than a nanosecond")
    return int(ns)


Seconds = Annotated[int, BeforeValidator(_nanoseconds)]
Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: Annotated[Seconds, Field(ge=0)] = 0


class _Message(_Step):
    detector: Name
    client: Client = "hop"
    is_test: bool = False
    name: Name | None = None


class _Observation(_Message):
    kind: Literal["observation"]
    neutrino_time_s: Seconds
    p_value: Probability | None = None
    is_pre_sn: bool = False


class _Retraction(_Message):
    kind: Literal["retraction"]
    retract: Name | None = None
    latest: Annotated[int, Field(ge=1)] | Literal["ALL"] | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if (self.retract is None) == (self.latest is None):
            raise ValueError("give either retract or latest")
        return self


class _Heartbeat(_Message):
    kind: Literal["heartbeat"]
    status: Literal["ON", "OFF"] = "ON"


class _Raw(_Step):
    kind: Literal["raw"]
    text: str


class Scenario(BaseModel):
    """A scenario; the module says what its file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    messages: tuple[Annotated[_Observation | _Retraction | _Heartbeat | _Raw, Field(discriminator="kind")], ...]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names: set[str] = set()
        for message in self.messages:
            if isinstance(message, _Retraction) and message.retract not in (None, *names):
                raise ValueError(f"no message before it is called {message.retract!r}")
            if not isinstance(message, _Raw) and message.name is not None:
                if message.name in names:
                    raise ValueError(f"two messages are called {message.name!r}")
                names.add(message.name)
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a scenario's file.

        Raises
        ------
        SettingsError
            If it cannot be read or is not a scenario; one line that names the file and the place.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except OSError as error:
            raise SettingsError(f"cannot read the scenario {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"scenario {path}: not JSON: {error}") from error
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: Any, source: str) -> Self:
        """Return the scenario of a JSON value.

        Parameters
        ----------
        content
            The JSON value; fractions as Decimal.
        source
            What errors call it.

        Raises
        ------
        SettingsError
            If it is not a scenario; one line that names the source and the place.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False)[0]
            place = " ".join(str(part) for part in fault["loc"] if not _is_tag(part))
            what = fault["msg"].removeprefix("Value error, ")
            raise SettingsError(f"scenario {source}: {f'{place}: ' if place else ''}{what}") from error

    def cues(self, epoch_ns: Nanoseconds, *, is_test: bool = False) -> Iterator[Cue]:
        """Yield the messages in the order in which they are sent.

        Parameters
        ----------
        epoch_ns
            What neutrino times count from, TAI ns.
        is_test
            Whether all of them are tests, whatever they say.
        """
        uuids = {message.name: str(uuid4()) for message in self.messages if not isinstance(message, _Raw)}
        for message in sorted(self.messages, key=lambda message: message.at_s):
            if isinstance(message, _Raw):
                yield Cue(at_ns=message.at_s, said=message.text)
                continue
            common: dict[str, Any] = {
                "detector_name": message.detector,
                "message_uuid": uuids[message.name] if message.name else str(uuid4()),
                "is_test": message.is_test or is_test,
            }
            yield Cue(at_ns=message.at_s, said=_said(message, common, epoch_ns, uuids), client=message.client)


def _said(
    message: _Observation | _Retraction | _Heartbeat,
    common: dict[str, Any],
    epoch_ns: Nanoseconds,
    uuids: dict[str | None, str],
) -> Observation | Retraction | Heartbeat:
    match message:
        case _Observation():
            return Observation(
                neutrino_time_ns=epoch_ns + message.neutrino_time_s,
                p_value=message.p_value,
                is_pre_sn=message.is_pre_sn,
                **common,
            )
        case _Retraction():
            return Retraction(
                retract_message_uuid=uuids[message.retract] if message.retract else None,
                retract_latest_n=message.latest,
                reason=message.reason,
                **common,
            )
        case _Heartbeat():
            return Heartbeat(status=message.status, **common)


def _is_tag(part: int | str) -> bool:
    return part in ("observation", "retraction", "heartbeat", "raw")
