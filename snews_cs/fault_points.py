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
from typing import Any, Self, TypeVar, cast

from snews_cs.errors import SettingsError

VARIABLE = "SNEWS_CS_FAULT_POINT"

DEEDS: Mapping[str, signal.Signals] = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}
"""What the server does to itself."""

STEPS: Mapping[str, tuple[str, str]] = {
    "restore": ("storage", "latest_snapshot"),
    "tail": ("publisher", "tail"),
    "read": ("stream", "batch"),
    "look-up": ("storage", "known_keys"),
    "append": ("storage", "append"),
    "publish": ("publisher", "publish_all"),
    "mark": ("storage", "mark_published"),
    "project": ("storage", "project"),
    "commit": ("stream", "mark_done"),
    "snapshot": ("storage", "save_snapshot"),
}
"""The steps, in order: which collaborator is called, and how."""

_FORM = re.compile(rf"({'|'.join(DEEDS)}) (before|after) ({'|'.join(STEPS)}) ([1-9]\d*)", re.ASCII)

_Collaborator = TypeVar("_Collaborator")


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """What is asked for: a signal, before or after the ``number``-th call of a collaborator's method."""

    signal: signal.Signals
    is_before: bool
    collaborator: str
    method: str
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
        return cls(DEEDS[deed], when == "before", *STEPS[step], int(number))


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
    return cast("_Collaborator", _Interposed(collaborator, point)) if point.collaborator == name else collaborator


class _Interposed:
    """Hands everything on to a collaborator, and counts the calls of one method."""

    def __init__(self, collaborator: object, point: FaultPoint) -> None:
        self._collaborator = collaborator
        self._point = point
        self._calls = 0
        setattr(self, point.method, self._step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collaborator, name)

    def _step(self, *arguments: Any, **options: Any) -> Any:
        self._calls += 1
        is_due = self._calls == self._point.number
        if is_due and self._point.is_before:
            signal.raise_signal(self._point.signal)
        result = getattr(self._collaborator, self._point.method)(*arguments, **options)
        if is_due and not self._point.is_before:
            signal.raise_signal(self._point.signal)
        return result
