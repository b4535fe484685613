"""Fault points, for tests alone: at a step of its work the server kills, freezes or ends itself.

``SNEWS_CS_FAULT_POINT="kill before append 3"`` asks for SIGKILL just before the third time that entries are appended:
``kill``, ``stop`` (SIGSTOP) or ``term`` (SIGTERM), ``before`` or ``after``, a step, and which call of it. Every step of
the server is a call of a collaborator; when the variable is set, something stands before that one and counts its calls.
Else nothing does, and no step knows of any of this.
"""

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeVar, cast

from snews_cs.errors import SettingsError

VARIABLE = "SNEWS_CS_FAULT_POINT"

DEEDS: Mapping[str, signal.Signals] = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}
"""What the server does to itself."""


class Step(NamedTuple):
    """A call of a collaborator's method; with an entry of that ``kind`` of message, if one is given."""

    collaborator: str
    method: str
    kind: str | None = None

    def is_taken(self, arguments: tuple[Any, ...]) -> bool:
        """Whether a call of the method with these arguments is this step."""
        return self.kind is None or any(entry.message and entry.message.kind == self.kind for entry in arguments[0])


STEPS: Mapping[str, Step] = {
    "restore": Step("storage", "latest_snapshot"),
    "tail": Step("publisher", "tail"),
    "read": Step("stream", "batch"),
    "look-up": Step("storage", "known_keys"),
    "append": Step("storage", "append"),
    "claim": Step("storage", "claim"),
    "publish": Step("publisher", "publish_all"),
    "mark": Step("storage", "mark_published"),
    "project": Step("storage", "project"),
    "commit": Step("stream", "mark_done"),
    "snapshot": Step("storage", "save_snapshot"),
    "spool": Step("spool", "append"),
    "spool-mark": Step("spool", "mark_published"),
    "spool-snapshot": Step("spool", "save_snapshot"),
    "spool-empty": Step("spool", "drop"),
    "reconcile": Step("storage", "append", "reconcile"),
}
"""The steps: those of every message in order, then those of a server that is alone, or was."""

_FORM = re.compile(rf"({'|'.join(DEEDS)}) (before|after) ({'|'.join(STEPS)}) ([1-9]\d*)", re.ASCII)

_Collaborator = TypeVar("_Collaborator")


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """What is asked for: a signal, before or after a step is taken for the ``number``-th time."""

    signal: signal.Signals
    is_before: bool
    step: Step
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fault point.

        Raises
        ------
        SettingsError
            If the text is none.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise SettingsError(
                f"{VARIABLE}: {text!r} is not {'|'.join(DEEDS)} before|after STEP NUMBER, where STEP is one of "
                + ", ".join(STEPS)
            )
        deed, when, step, number = found.groups()
        return cls(DEEDS[deed], when == "before", STEPS[step], int(number))


def interpose(name: str, collaborator: _Collaborator) -> _Collaborator:
    """Return the collaborator, and something that stands before it if the environment asks for a fault there.

    Parameters
    ----------
    name
        What :data:`STEPS` calls it.
    collaborator
        Whose methods the steps are.

    Raises
    ------
    SettingsError
        If the environment asks for what cannot be understood.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return collaborator
    point = FaultPoint.parse(text)
    return cast("_Collaborator", _Interposed(collaborator, point)) if point.step.collaborator == name else collaborator


class _Interposed:
    """Hands everything on to a collaborator, and counts the calls of one method."""

    def __init__(self, collaborator: object, point: FaultPoint) -> None:
        self._collaborator = collaborator
        self._point = point
        self._calls = 0
        self._method = getattr(collaborator, point.step.method)
        setattr(self, point.step.method, self._step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collaborator, name)

    def _step(self, *arguments: Any, **options: Any) -> Any:
        is_taken = self._point.step.is_taken(arguments)
        self._calls += is_taken
        is_due = is_taken and self._calls == self._point.number
        if is_due and self._point.is_before:
            signal.raise_signal(self._point.signal)
        result = self._method(*arguments, **options)
        if is_due and not self._point.is_before:
            signal.raise_signal(self._point.signal)
        return result
