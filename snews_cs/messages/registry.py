"""The registered detectors: a data file in the package, which an operator's own file extends or corrects.

A file is a JSON list of objects with the fields of :class:`Detector`. In an operator's file an object whose ``name``
is known changes the fields that it gives; any other adds a detector.
"""

import json
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated_dataclass

from snews_cs.errors import SettingsError


def _fit_to_be_shown(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable, without blanks around it")
    return text


def _plain_address(text: str) -> str:
    if not text.isascii() or re.fullmatch(r"[^@\s<>()\[\]:;,\"\\]+@[\w-]+(\.[\w-]+)*", text) is None:
        raise ValueError("must be a mail address, without a name before it")
    return text


_Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_fit_to_be_shown)]

_Email = Annotated[_Text, AfterValidator(_plain_address)]

HIGHEST_RATE_PER_WEEK = 1e9
"""Highest background rate that a registry may give, 1/week: false alarm rates stay finite."""


@validated_dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Detector:
    """One registered experiment.

    Parameters
    ----------
    name
        The name under which it appears everywhere.
    number
        Its number in the messages of snews_pt before 1.3, if it has one.
    aliases
        Other names that its messages may carry.
    background_rate_per_week
        How often it reports a burst that is none, 1/week.
    emails
        Addresses that feedback about it is mailed to: plain ones, without a name before them.
    senders
        hop user names (credentials) that may speak for it; empty: any.
    latitude_deg, longitude_deg
        Where it stands, degrees north and east; None if it stands nowhere.
    """

    name: _Text
    number: Annotated[int, Field(ge=0)] | None = None
    aliases: tuple[_Text, ...] = ()
    background_rate_per_week: Annotated[float, Field(gt=0, le=HIGHEST_RATE_PER_WEEK)] = 1.0
    emails: tuple[_Email, ...] = ()
    senders: tuple[_Text, ...] = ()
    latitude_deg: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[float, Field(ge=-180, le=180)] | None = None


_DETECTORS = TypeAdapter(tuple[Detector, ...])


@dataclass(frozen=True)
class Registry:
    """All registered detectors, found by name, alias or number.

    Parameters
    ----------
    detectors
        The detectors. No two may share a name, an alias or a number; capitals do not count.

    Raises
    ------
    SettingsError
        If two do.
    """

    detectors: tuple[Detector, ...]
    _found_by: dict[str, Detector] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found_by: dict[str, Detector] = {}
        for detector in self.detectors:
            number = () if detector.number is None else (str(detector.number),)
            for key in {_key(name) for name in (detector.name, *detector.aliases, *number)}:
                other = found_by.setdefault(key, detector)
                if other is not detector:
                    raise SettingsError(f"registry: {detector.name} and {other.name} are both called {key!r}")
        object.__setattr__(self, "_found_by", found_by)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Return the packaged registry, extended by an operator's file.

        Parameters
        ----------
        path
            The operator's file; None: the packaged detectors alone.

        Raises
        ------
        SettingsError
            If the file cannot be read or is not a registry; one line that names the file and the fault.
        """
        packaged = resources.files("snews_cs.messages").joinpath("detectors.json").read_text(encoding="utf-8")
        entries = {entry["name"]: entry for entry in json.loads(packaged)}
        if path is not None:
            for entry in _read(path):
                known = entries.get(entry["name"], {})
                entries[entry["name"]] = {**known, **entry}
        try:
            return cls(_DETECTORS.validate_json(json.dumps(list(entries.values()))))
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            name = [list(entries)[int(place)] for place in fault["loc"][:1]]
            where = " ".join(map(str, (*name, *fault["loc"][1:]))) or "a text"
            text = f"registry {path}: {where}: {fault['msg'].removeprefix('Value error, ')}"
            raise SettingsError(" ".join(text.split())) from error

    def resolve(self, name_or_number: str | int) -> Detector | None:
        """Return the detector with that name, alias or number, None if there is none. Capitals do not count."""
        return self._found_by.get(_key(str(name_or_number)))

    def background_rates_per_week(self) -> dict[str, float]:
        """Return how often each detector reports a burst that is none, 1/week, by name."""
        return {detector.name: detector.background_rate_per_week for detector in self.detectors}


def _key(name: str) -> str:
    return name.strip().casefold()


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the objects of an operator's file, each of which has a name."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"registry {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"registry {path}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise SettingsError(f"registry {path}: not a list of detectors")
    for place, entry in enumerate(entries):
        if not (isinstance(entry, dict) and isinstance(entry.get("name"), str)):
            raise SettingsError(f"registry {path}: detector {place} of the list has no name")
    return entries
