"""Requests that are not answered: counted, and logged seldom, for whoever sends them may send thousands."""

import time
from collections.abc import Callable, Iterable
from itertools import islice

import structlog

log = structlog.get_logger(__name__)

TOLD_EVERY_S = 60.0
"""How often they are logged at most, s."""

MOST_NAMED = 10
"""How many of the addresses are named in a line."""

_LONGEST_ADDRESS = 254  # of those that there can be


class Unanswered:
    """Counts the requests that are not answered for one reason.

    Parameters
    ----------
    event
        The line of the log.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(self, event: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._monotonic = monotonic
        self._told_s = float("-inf")
        self._requests = 0
        self._detectors: set[str] = set()
        self._addresses: set[str] = set()

    def add(self, detector_name: str, addresses: Iterable[str]) -> None:
        """Count a request about a detector, by which something was to be mailed to these addresses."""
        self._requests += 1
        self._detectors.add(detector_name)
        others = (address[:_LONGEST_ADDRESS] for address in sorted(addresses))
        self._addresses.update(islice(others, max(0, MOST_NAMED - len(self._addresses))))

    def tell(self) -> None:
        """Log what was counted since it was told last, in one line, unless that was less than a minute ago."""
        if self._monotonic() - self._told_s >= TOLD_EVERY_S:
            self.tell_rest()

    def tell_rest(self) -> None:
        """Log what was counted since it was told last."""
        if not self._requests:
            return
        log.warning(
            self._event,
            requests=self._requests,
            detectors=sorted(self._detectors),
            addresses=sorted(self._addresses),
        )
        self._told_s = self._monotonic()
        self._requests = 0
        self._detectors.clear()
        self._addresses.clear()
