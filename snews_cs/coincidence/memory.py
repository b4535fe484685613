"""What a cache remembers of messages beyond their lines: duplicates, and retractions that came first."""

from collections import deque
from collections.abc import Container
from typing import NamedTuple

from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Nanoseconds, Observation, Retraction

MEMORY_NS: Nanoseconds = 48 * 3600 * 10**9
"""How long a duplicate is known as such, and how long a retraction waits for its message (inclusive)."""

_FORGET_NS: Nanoseconds = MEMORY_NS + 3600 * 10**9
"""When it is dropped: an hour late, so that a clock set back finds what it would have found."""

Identity = tuple[str, str]
"""Detector name and message uuid."""


class Acceptance(NamedTuple):
    """Content and received time of one accepted message, and the line it went to (None: it had no effect)."""

    neutrino_time_ns: Nanoseconds
    p_value: float | None
    received_ns: Nanoseconds
    line_number: int | None


class Memory:
    """Which messages one cache has accepted, and which it has been told to ignore when they come.

    Attributes
    ----------
    accepted
        Of every message ever accepted: what was accepted under its identity in the last 48 hours, or went to a line
        that still lives.
    awaited
        When a retraction came for a message that has not been seen.
    """

    __slots__ = ("_due", "accepted", "awaited")

    def __init__(self) -> None:
        self.accepted: dict[Identity, tuple[Acceptance, ...]] = {}
        self.awaited: dict[Identity, Nanoseconds] = {}
        self._due: deque[tuple[Nanoseconds, Identity]] = deque()

    def is_duplicate(self, observation: Observation, now_ns: Nanoseconds) -> bool:
        """Whether this very message was accepted at most 48 h ago (SPEC 3, rule 1)."""
        return any(
            known.neutrino_time_ns == observation.neutrino_time_ns
            and known.p_value == observation.p_value
            and now_ns - known.received_ns <= MEMORY_NS
            for known in self.accepted.get((observation.detector_name, observation.message_uuid), ())
        )

    def knows(self, identity: Identity) -> bool:
        """Whether a message of that identity was ever accepted."""
        return identity in self.accepted

    def lines_of(self, identity: Identity) -> set[int]:
        """Return the numbers of the lines, live or not, that messages of that identity went to."""
        return {known.line_number for known in self.accepted.get(identity, ()) if known.line_number is not None}

    def accept(self, observation: Observation, now_ns: Nanoseconds, line_number: int | None, log: UndoLog) -> None:
        """Remember an accepted message and the line it went to."""
        identity = (observation.detector_name, observation.message_uuid)
        acceptance = Acceptance(observation.neutrino_time_ns, observation.p_value, now_ns, line_number)
        log.put(self.accepted, identity, (*self.accepted.get(identity, ()), acceptance))
        self._forget_later(identity, now_ns, log)

    def await_message(self, retraction: Retraction, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Remember a retraction whose message has not come yet."""
        identity = (retraction.detector_name, str(retraction.retract_message_uuid))
        log.put(self.awaited, identity, now_ns)
        self._forget_later(identity, now_ns, log)

    def end_wait(self, observation: Observation, now_ns: Nanoseconds, log: UndoLog) -> bool:
        """Whether the message was retracted before it came; that wait is then over."""
        identity = (observation.detector_name, observation.message_uuid)
        if identity not in self.awaited:
            return False
        return now_ns - log.drop(self.awaited, identity) <= MEMORY_NS

    def forget(self, now_ns: Nanoseconds, live: Container[int | None], log: UndoLog) -> None:
        """Drop what is too old to matter; that a message was once accepted is never forgotten.

        Parameters
        ----------
        live
            Numbers of the live lines: what went to them is kept.
        """
        while self._due and now_ns - self._due[0][0] > _FORGET_NS:
            due = self._due.popleft()
            log.inverse(self._due.appendleft, due)
            identity = due[1]
            if known := self.accepted.get(identity):
                kept = tuple(
                    each for each in known if now_ns - each.received_ns <= _FORGET_NS or each.line_number in live
                )
                log.put(self.accepted, identity, kept)
                if any(each.line_number in live for each in kept):
                    self._forget_later(identity, now_ns, log)
            if now_ns - self.awaited.get(identity, now_ns) > _FORGET_NS:
                log.drop(self.awaited, identity)

    def restore_order(self) -> None:
        """Work out anew, from what is remembered, in which order to forget it."""
        due = [(known.received_ns, identity) for identity, many in self.accepted.items() for known in many]
        due += [(since, identity) for identity, since in self.awaited.items()]
        self._due = deque(sorted(due))

    def _forget_later(self, identity: Identity, now_ns: Nanoseconds, log: UndoLog) -> None:
        self._due.append((now_ns, identity))
        log.inverse(self._due.pop)
