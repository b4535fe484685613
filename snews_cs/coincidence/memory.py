"""What a cache remembers of messages beyond their lines: duplicates, and retractions that came first."""

from collections import deque
from collections.abc import Container, Iterable
from itertools import chain
from operator import itemgetter
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


Content = tuple[Nanoseconds, float | None]
"""Neutrino time and p-value."""

Acceptances = tuple[Acceptance, ...] | dict[Content, tuple[Acceptance, ...]]
"""The accepted messages of one identity; if they were ever more than :data:`FEW`, by their content."""

FEW = 8
"""Of how many messages of one identity all are looked at: a detector may use one uuid for everything. Mostly it is one,
and a tuple of one takes the least memory."""


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
        self.accepted: dict[Identity, Acceptances] = {}
        self.awaited: dict[Identity, Nanoseconds] = {}
        self._due: deque[tuple[Nanoseconds, Identity, Acceptance | None]] = deque()

    def is_duplicate(self, observation: Observation, now_ns: Nanoseconds) -> bool:
        """Whether this very message was accepted at most 48 h ago (SPEC 3, rule 1)."""
        return any(
            known.neutrino_time_ns == observation.neutrino_time_ns
            and known.p_value == observation.p_value
            and now_ns - known.received_ns <= MEMORY_NS
            for known in self._alike(
                (observation.detector_name, observation.message_uuid),
                (observation.neutrino_time_ns, observation.p_value),
            )
        )

    def knows(self, identity: Identity) -> bool:
        """Whether a message of that identity was ever accepted."""
        return identity in self.accepted

    def lines_of(self, identity: Identity) -> set[int]:
        """Return the numbers of the lines, live or not, that messages of that identity went to."""
        return {known.line_number for known in self.accepted_as(identity) if known.line_number is not None}

    def accepted_as(self, identity: Identity) -> list[Acceptance]:
        """Return what is remembered of the accepted messages of that identity, by received time."""
        known = self.accepted.get(identity, ())
        each = chain.from_iterable(known.values()) if isinstance(known, dict) else known
        return sorted(each, key=lambda acceptance: acceptance.received_ns)

    def restore(self, identity: Identity, known: Iterable[Acceptance]) -> None:
        """Remember accepted messages of an identity; :meth:`restore_order` is called when all are."""
        self.accepted[identity] = _arranged(tuple(known))

    def accept(self, observation: Observation, now_ns: Nanoseconds, line_number: int | None, log: UndoLog) -> None:
        """Remember an accepted message and the line it went to."""
        identity = (observation.detector_name, observation.message_uuid)
        acceptance = Acceptance(observation.neutrino_time_ns, observation.p_value, now_ns, line_number)
        known = self.accepted.get(identity, ())
        if isinstance(known, dict):
            log.put(known, _content(acceptance), (*known.get(_content(acceptance), ()), acceptance))
        else:
            log.put(self.accepted, identity, _arranged((*known, acceptance)))
        self._forget_later(now_ns, identity, acceptance, log)

    def await_message(self, retraction: Retraction, now_ns: Nanoseconds, log: UndoLog) -> None:
        """Remember a retraction whose message has not come yet."""
        identity = (retraction.detector_name, str(retraction.retract_message_uuid))
        log.put(self.awaited, identity, now_ns)
        self._forget_later(now_ns, identity, None, log)

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
            _, identity, acceptance = due
            if acceptance is not None:
                if acceptance.line_number in live:
                    self._forget_later(now_ns, identity, acceptance, log)
                else:
                    self._drop(identity, acceptance, log)
            if now_ns - self.awaited.get(identity, now_ns) > _FORGET_NS:
                log.drop(self.awaited, identity)

    def restore_order(self) -> None:
        """Work out anew, from what is remembered, in which order to forget it."""
        due: list[tuple[Nanoseconds, Identity, Acceptance | None]] = [
            (known.received_ns, identity, known) for identity in self.accepted for known in self.accepted_as(identity)
        ]
        due += [(since, identity, None) for identity, since in self.awaited.items()]
        self._due = deque(sorted(due, key=itemgetter(0, 1)))

    def _alike(self, identity: Identity, content: Content) -> tuple[Acceptance, ...]:
        """Return the few accepted messages of an identity among which those of that content are."""
        known = self.accepted.get(identity, ())
        return known.get(content, ()) if isinstance(known, dict) else known

    def _drop(self, identity: Identity, acceptance: Acceptance, log: UndoLog) -> None:
        """Forget one accepted message, but not that its identity was ever accepted."""
        known, content = self.accepted[identity], _content(acceptance)
        kept = tuple(each for each in self._alike(identity, content) if each is not acceptance)
        if not isinstance(known, dict):
            log.put(self.accepted, identity, kept)
        elif kept:
            log.put(known, content, kept)
        else:
            log.drop(known, content)

    def _forget_later(
        self, since_ns: Nanoseconds, identity: Identity, acceptance: Acceptance | None, log: UndoLog
    ) -> None:
        self._due.append((since_ns, identity, acceptance))
        log.inverse(self._due.pop)


def _arranged(known: tuple[Acceptance, ...]) -> Acceptances:
    if len(known) <= FEW:
        return known
    arranged: dict[Content, tuple[Acceptance, ...]] = {}
    for each in known:
        arranged[_content(each)] = (*arranged.get(_content(each), ()), each)
    return arranged


def _content(acceptance: Acceptance) -> Content:
    return acceptance.neutrino_time_ns, acceptance.p_value
