"""What waits for one topic, and whose turn it is to publish the first of it.

Of several servers, the one that appended an entry publishes its alerts. The others wait until they see it marked; if it
is not for :data:`TAKE_OVER_AFTER_S`, one of them claims it and publishes. A claim saves repeats, no more: nobody
publishes a later entry before all earlier ones are known to be on the topic, so even a server that slept through the
loss of its claim can only repeat an alert.
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from snews_cs.coincidence.types import Alert
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)

TAKE_OVER_AFTER_S = 2.0
"""How long another server's claim to an unmarked entry is respected after it was first seen, s."""

SURE_FOR_S = 1.0
"""How long a server relies on its own claim without looking, s: with the 1.5 s that publishing may take it does not
stay much longer on the topic than others respect it."""

BLOCKED_WAIT_S = 0.01
"""How soon to look again whether another server has published what comes before an alert of ours, s."""

LONGEST_WAIT_S = 5.0
"""How long an alert that the broker does not take waits at most before it is tried again, s."""

LONG_AGO = float("-inf")
"""A time on the outbox's clock at which nothing is known."""


@dataclass(slots=True)
class Pending:
    """An entry whose alerts are not all acknowledged.

    Parameters
    ----------
    entry, alerts
        What is to be published, and as decided.
    is_ours
        Whether this server is to publish it.
    since_s
        When its claim was last seen to be what it is, on the outbox's clock; :data:`LONG_AGO`: look it up.
    is_restored
        Whether it may be on the topic already, from before a restart.
    when_sent
        For what was decided alone: told when it is acknowledged. The journal does not know of it.
    announced
        How many of the alerts the log has told of.
    """

    entry: Entry
    alerts: tuple[Alert, ...]
    is_ours: bool
    since_s: float
    is_restored: bool = False
    when_sent: Callable[[Entry], None] | None = None
    announced: int = 0


class Lane:
    """The entries that wait for one topic, in order; a topic that fails holds up no other.

    Parameters
    ----------
    topic
        Its full ``kafka://`` address.
    storage
        Where entries are claimed.
    monotonic
        The outbox's clock: it never goes back, in s.

    Attributes
    ----------
    pending
        What waits.
    """

    def __init__(self, topic: str, storage: Storage, monotonic: Callable[[], float]) -> None:
        self.topic = topic
        self.pending: deque[Pending] = deque()
        self._storage = storage
        self._monotonic = monotonic
        self._backoff = Backoff(longest=LONGEST_WAIT_S, clock=monotonic)
        self._not_before_s = LONG_AGO
        self._first_since_s = LONG_AGO
        self._taken_from = ""  # whose entry was last taken over, until one of theirs goes out without our help

    @property
    def is_open(self) -> bool:
        """Whether something waits, and the topic may be tried now."""
        return bool(self.pending) and self._monotonic() >= self._not_before_s

    @property
    def wait_s(self) -> float:
        """How long until the first entry wants to be looked after again, s."""
        if not self.pending:
            return float("inf")
        if self.pending[0].is_ours:
            return max(self._not_before_s - self._monotonic(), 0.0)
        is_blocking = any(pending.is_ours for pending in self.pending)
        due_s = 0 if is_blocking else self._waits_since_s() + TAKE_OVER_AFTER_S - self._monotonic()
        return max(due_s, self._not_before_s - self._monotonic(), BLOCKED_WAIT_S)

    def is_due(self, sent: Collection[str], *, alone: bool) -> bool:
        """Whether the first entry is ours to publish now; those marked meanwhile are taken out before.

        Parameters
        ----------
        sent
            The alerts, by ``alert_uuid``, that are on the topic already.
        alone
            Whether the store is away: claims can neither be seen nor made.

        Raises
        ------
        StorageError
            If the store fails.
        """
        while self.pending:
            first = self.pending[0]
            if first.when_sent is not None or all(alert.alert_uuid in sent for alert in first.alerts):
                return True
            if first.is_ours and (alone or self._monotonic() - first.since_s < SURE_FOR_S):
                return True
            if not alone:
                self._look_at_claims()
            if self.pending and self.pending[0] is first:
                has_waited = self._monotonic() - self._waits_since_s() >= TAKE_OVER_AFTER_S
                return first.is_ours or (has_waited and (alone or self._take_over(first)))
        return False

    def pop(self) -> Pending:
        """Remove and return the first entry, which is on the topic."""
        first = self.pending.popleft()
        self._first_since_s = self._monotonic()
        return first

    def succeeded(self) -> None:
        """Note that the topic takes what is published."""
        self._backoff.success()

    def failed(self) -> float:
        """Note that the topic does not, and return how long it is left alone now, s."""
        delay_s = self._backoff.failure()
        self._not_before_s = self._monotonic() + delay_s
        return delay_s

    def doubt(self) -> None:
        """Believe no longer whose turn it is: another server has published what was ours."""
        self._taken_from = ""
        for pending in self.pending:
            if pending.is_ours:
                pending.since_s = LONG_AGO

    def _waits_since_s(self) -> float:
        """Return since when the first entry could have been published by whoever claims it.

        A server that lives waits, like us, for what comes before its entries; one that left an entry behind does not
        get its time again for each further one.
        """
        first = self.pending[0]
        return first.since_s if first.entry.writer == self._taken_from else max(first.since_s, self._first_since_s)

    def _look_at_claims(self) -> None:
        """Take out the entries that are marked, and see who claims the others."""
        first = self.pending[0]
        claims = self._storage.unmarked([each.entry.sequence for each in self.pending if each.when_sent is None])
        self.pending = deque(
            each for each in self.pending if each.when_sent is not None or each.entry.sequence in claims
        )
        if not self.pending or self.pending[0] is not first:
            self._first_since_s = self._monotonic()
            if first.entry.writer == self._taken_from:
                self._taken_from = ""
        for pending in self.pending:
            claim = claims.get(pending.entry.sequence, pending.entry.claim)
            if claim != pending.entry.claim:
                pending.entry = replace(pending.entry, claim=claim)
                pending.is_ours = False
                pending.since_s = self._monotonic()
            elif pending.is_ours:
                pending.since_s = self._monotonic()

    def _take_over(self, pending: Pending) -> bool:
        entry, claim = pending.entry, uuid4().hex
        pending.is_ours = self._storage.claim(entry.sequence, entry.claim, claim)
        pending.since_s = self._monotonic()
        if pending.is_ours:
            pending.entry = replace(entry, claim=claim)
            self._taken_from = entry.writer
            log.warning("publishing what another server did not", sequence=entry.sequence, writer=entry.writer)
        return pending.is_ours
