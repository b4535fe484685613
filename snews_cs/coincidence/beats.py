"""Who is online: the last sign of life of each detector."""

from collections.abc import Iterable

from snews_cs.coincidence.types import Beat
from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Heartbeat, Nanoseconds, Observation

BeatRow = tuple[bool, str, bool, Nanoseconds]
"""Whether of tests, the detector, whether it said ON, when it was received: as a snapshot keeps it."""


class Beats:
    """The last beat of each detector. Beats of tests tell nothing of real ones, nor real ones of them."""

    __slots__ = ("_last",)

    def __init__(self, rows: Iterable[BeatRow] = ()) -> None:
        self._last = {(is_test, name): (is_on, received_ns) for is_test, name, is_on, received_ns in rows}

    def hear(self, message: Heartbeat | Observation, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Take in a sign of life; an observation says ON, whatever was said before: it took data."""
        is_on = isinstance(message, Observation) or message.status == "ON"
        log.put(self._last, (message.is_test, message.detector_name), (is_on, now_ns))

    def last(self) -> list[Beat]:
        """Return the last beat of each detector, by name."""
        return sorted(Beat(name, is_test, "ON" if is_on else "OFF", ns) for is_test, name, is_on, ns in self.rows())

    def rows(self) -> list[BeatRow]:
        """Return what to make the same of again."""
        return [(*which, *beat) for which, beat in self._last.items()]

    def online(self, now_ns: Nanoseconds, offline_after_ns: Nanoseconds, *, is_test: bool) -> frozenset[str]:
        """Return the detectors whose last beat says ON and is younger than ``offline_after_ns``."""
        return frozenset(
            name
            for (test, name), (is_on, received_ns) in self._last.items()
            if test == is_test and is_on and now_ns - received_ns < offline_after_ns
        )
