"""Whether enough detectors are online for a coincidence to be seen; the operators are told when that changes."""

import time
from collections.abc import Callable

import structlog

from snews_cs.inspection.status import FEWEST_ONLINE

log = structlog.get_logger(__name__)

GRACE_S = 60.0
"""For how long after its start a server says nothing of it, s: the heartbeats have to come first."""


class OnlineWatch:
    """Logs a warning when too few detectors are online, at each change of it, and when there are enough again.

    Parameters
    ----------
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since_s: float | None = None
        self._told: frozenset[str] | None = None

    def look(self, online: frozenset[str]) -> None:
        """Be told who is online now (not of tests)."""
        now_s = self._monotonic()
        self._since_s = now_s if self._since_s is None else self._since_s
        if len(online) >= FEWEST_ONLINE:
            self._since_s = float("-inf")  # they were there: no grace when they go
            if self._told is not None:
                self._told = None
                log.info("enough detectors online again", online=_names(online))
        elif online != self._told and now_s - self._since_s >= GRACE_S:
            self._told = online
            log.warning("too few detectors online to see a coincidence", online=_names(online))

    def warnings(self) -> list[str]:
        """Return what is to be warned of, one line each; any thread may ask."""
        told = self._told
        return [] if told is None else [f"too few detectors online to see a coincidence: {_names(told)}"]


def _names(online: frozenset[str]) -> str:
    return ", ".join(sorted(online)) or "none"
