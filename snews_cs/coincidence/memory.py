"""What a cache remembers of messages beyond their lines: duplicates, and retractions that came first."""

from collections import deque
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
    """Content and received time of one accepted message."""

    neutrino_time_ns: Nanoseconds
    p_value: float | None
    received_ns: Nanoseconds


class Memory:
    """Which messages one cache has accepted, and which it has been told to ignore when they come.

    Attributes
    ----------
    accepted
        Of every message ever accepted, what was accepted under its identity in the last 48 hours.
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

    def accept(self, observation: Observation, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Remember an accepted message."""
        identity = (observation.detector_name, observation.message_uuid)
        acceptance = Acceptance(observation.neutrino_time_ns, observation.p_value, now_ns)
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

    def forget(self, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Drop what is too old to matter; that a message was once accepted is never forgotten."""
        while self._due and now_ns - self._due[0][0] > _FORGET_NS:
            due = self._due.popleft()
            log.inverse(self._due.appendleft, due)
            identity = due[1]
            known = self.accepted.get(identity, ())
            if kept := tuple(known_ for known_ in known if now_ns - known_.received_ns <= _FORGET_NS):
                log.put(self.accepted, identity, kept)
            elif known:
                log.put(self.accepted, identity, ())
            since = self.awaited.get(identity)
            if since is not None and now_ns - since > _FORGET_NS:
                log.drop(self.awaited, identity)

    def restore(self, accepted: dict[Identity, tuple[Acceptance, ...]], awaited: dict[Identity, Nanoseconds]) -> None:
        """Take over what another memory knew."""
        self.accepted, self.awaited = accepted, awaited
        due = [(known.received_ns, identity) for identity, many in accepted.items() for known in many]
        due += [(since, identity) for identity, since in awaited.items()]
        self._due = deque(sorted(due))

    def _forget_later(self, identity: Identity, now_ns: Nanoseconds, log: UndoLog) -> None:
        self._due.append((now_ns, identity))
        log.inverse(self._due.pop)
