"""Which detectors raise more alarms than SNEWS 1.0 allowed: they are called noisy, and count all the same."""

from collections.abc import Container, Iterable
from typing import NamedTuple

from snews_cs.messages.types import Nanoseconds

_MINUTE_NS: Nanoseconds = 60 * 10**9
_DAY_NS: Nanoseconds = 24 * 60 * _MINUTE_NS

TOO_MANY: tuple[tuple[Nanoseconds, int], ...] = (
    (10 * _MINUTE_NS, 1),
    (60 * _MINUTE_NS, 2),
    (600 * _MINUTE_NS, 2),
    (_DAY_NS, 3),
    (3 * _DAY_NS, 4),
    (7 * _DAY_NS, 5),
    (30 * _DAY_NS, 11),
)
"""So many alarms in so long a time, ns, inclusive, are too many (SNEWS 1.0's table; a month has 30 days)."""

REMEMBERED = 24
"""How many alarms of a detector are remembered: the 11 of the table, besides its lines in the sublist in question. By
the usual window of 10 s and refine window of 1 s these are twelve at most."""


class Alarm(NamedTuple):
    """A line that a detector opened, and when: also one that was retracted or has expired since."""

    received_ns: Nanoseconds
    line_number: int


def is_noisy(alarms: Iterable[Alarm], excepted: Container[int], now_ns: Nanoseconds) -> bool:
    """Whether a detector has raised too many alarms.

    Parameters
    ----------
    alarms
        The latest of it.
    excepted
        Numbers of lines that do not count: those of the sublist that an alert is about.
    """
    latest_first = [received_ns for received_ns, line_number in alarms if line_number not in excepted]
    latest_first.sort(reverse=True)
    for within_ns, too_many in TOO_MANY:
        if len(latest_first) < too_many:
            break  # and of longer times more are allowed
        if now_ns - latest_first[too_many - 1] <= within_ns:
            return True
    return False
