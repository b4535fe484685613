"""The story: acts of messages, and the alerts that they must raise."""

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from snews_cs.coincidence.types import AlertType
from snews_cs.errors import SettingsError


class Expected(BaseModel):
    """An alert that must come: its type and, if they are certain, its detectors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alert: AlertType
    detectors: frozenset[str] | None = None

    def __str__(self) -> str:
        return _phrase(self.alert, self.detectors)


class Act(BaseModel):
    """One step of the story.

    Attributes
    ----------
    name
        Of its files.
    title, why
        For the person: what is sent, and what to look for. Never what came of it.
    by
        The command that publishes.
    messages
        Messages of a scenario (see :mod:`snews_cs.simulation.scenario`).
    arguments
        Without messages: arguments of ``snews_cs simulate``.
    alerts
        What must come, and nothing else.
    refused
        How many of the messages must be refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    why: str
    by: Literal["snews_cs simulate", "hop publish", "hop publish -f JSON"] = "snews_cs simulate"
    messages: tuple[dict[str, Any], ...] = ()
    arguments: tuple[str, ...] = ()
    alerts: tuple[Expected, ...] = ()
    refused: Annotated[int, Field(ge=0)] = 0

    def faults(self, delivered: list[dict[str, Any]], refused: int) -> list[str]:
        """Return what came otherwise than it must, one line each.

        Parameters
        ----------
        delivered
            The alerts that the topic delivered, as JSON objects.
        refused
            How many messages were refused.
        """
        missing = list(self.alerts)
        faults = []
        for alert in delivered:
            found = next((expected for expected in missing if _matches(expected, alert)), None)
            if found is None:
                faults.append(f"{self.title}: {_phrase(alert['alert_type'], alert['detector_names'])} was not expected")
            else:
                missing.remove(found)
        faults += [f"{self.title}: {expected} did not come" for expected in missing]
        if refused != self.refused:
            faults.append(f"{self.title}: {refused} messages were refused, not {self.refused}")
        return faults


def load_story(path: Path | None = None) -> tuple[Act, ...]:
    """Read a story; by default the one in the package.

    Raises
    ------
    SettingsError
        If the file cannot be read or is not a story.
    """
    source = resources.files(__package__).joinpath("story.json") if path is None else path
    try:
        return TypeAdapter(Annotated[tuple[Act, ...], Field(min_length=1)]).validate_python(
            json.loads(source.read_text(encoding="utf-8"))
        )
    except OSError as error:
        raise SettingsError(f"cannot read the story {path}: {error.strerror}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise SettingsError(f"story {path}: {' '.join(map(str, fault['loc']))}: {fault['msg']}") from error
    except ValueError as error:
        raise SettingsError(f"story {path}: not JSON: {error}") from error


def _matches(expected: Expected, alert: dict[str, Any]) -> bool:
    detectors = expected.detectors
    return bool(alert["alert_type"] == expected.alert) and detectors in (None, frozenset(alert["detector_names"]))


def _phrase(alert_type: str, detectors: Any) -> str:
    return f"{alert_type} of {', '.join(sorted(detectors))}" if detectors else str(alert_type)
