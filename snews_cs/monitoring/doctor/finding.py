"""One thing that was looked at."""

from collections.abc import Collection
from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """How bad it is; the worst of all is the exit code."""

    OK = 0
    WARNING = 1
    FAILED = 2


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do.

    Parameters
    ----------
    level
        ``FAILED``: a server cannot do its work so. ``WARNING``: it can, but somebody should know.
    subject
        What was looked at.
    text
        How it is, in one line.
    advice
        What to do; empty if nothing.
    """

    level: Level
    subject: str
    text: str
    advice: str = ""

    def without(self, secrets: Collection[str], mask: str) -> "Finding":
        """Return the same with every secret masked, whatever an error may have told."""
        text, advice = self.text, self.advice
        for secret in sorted(secrets, key=len, reverse=True):
            text, advice = text.replace(secret, mask), advice.replace(secret, mask)
        return self._replace(text=text, advice=advice)

    def __str__(self) -> str:
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.level.name:<8}{self.subject}: {self.text}{advice}"
