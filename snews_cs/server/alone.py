"""Being alone: while the store is away, what is decided goes into the local spool, and out with ``degraded: true``."""

from collections.abc import Callable, Sequence

import structlog

from snews_cs.errors import StorageError
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.arrival import Arrival
from snews_cs.server.journal import Journal
from snews_cs.server.outbox import Outbox
from snews_cs.server.spool import Spool
from snews_cs.storage.entry import Entry
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)

SHORTEST_S, LONGEST_S = 0.5, 5.0
"""How long to wait before the store is tried again: each try may hold up a message for as long as it takes to fail."""


class Alone:
    """Whether the server is alone, and what it does then.

    Parameters
    ----------
    spool
        Where entries go.
    outbox
        Where their alerts go.
    monotonic
        A clock that never goes back, in s.

    Attributes
    ----------
    reason
        Why it is alone; None if it is not.
    """

    def __init__(self, spool: Spool, outbox: Outbox, monotonic: Callable[[], float]) -> None:
        self.reason: str | None = None
        self._spool = spool
        self._outbox = outbox
        self._monotonic = monotonic
        self._backoff = Backoff(SHORTEST_S, LONGEST_S, clock=monotonic)
        self._try_at_s = 0.0
        self._taken: dict[int, RawMessage] = {}

    def __bool__(self) -> bool:
        """Whether the server is alone."""
        return self.reason is not None

    def begin(self, error: StorageError) -> None:
        """Be alone, or stay so, because of this error."""
        delay_s = self._backoff.failure()
        self._try_at_s = self._monotonic() + delay_s
        self.reason = str(error)
        log.error("DEGRADED: the store fails, deciding alone", again_in_s=delay_s, error=self.reason)

    def restore(self, journal: Journal, parameters: Parameters, now_ns: Nanoseconds) -> None:
        """Let the engine know as much as the spool does, and take up the alerts that an earlier server did not send.

        Parameters
        ----------
        journal
            One that knows nothing yet; it stays without the store.
        parameters, now_ns
            What to decide with, and the time.
        """
        try:
            spooled = list(self._spool.entries())
        except StorageError as error:
            log.error("the local spool cannot be read", error=str(error))
            spooled = []
        journal.restore_alone(self._spool.snapshot(), spooled, parameters, now_ns)
        self._outbox.add_alone(spooled, self._spool.mark_sent, is_restored=True)

    @property
    def store_is_due(self) -> bool:
        """Whether it is time to try the store."""
        return self._monotonic() >= self._try_at_s

    def take(self, journal: Journal, arrivals: Sequence[Arrival]) -> list[Entry]:
        """Decide what follows from messages, and keep it in the spool; no offset is committed for them."""
        news = {each.key: each for each in arrivals if not (journal.is_recent(each.key) or self._spool.knows(each.key))}
        entries = journal.decide_alone(list(news.values()), self._spool.depth)
        self._spool.append(entries)
        self._outbox.add_alone(entries, self._spool.mark_sent)
        self._taken |= {arrival.raw.partition: arrival.raw for arrival in arrivals}
        return entries

    def end(self, sequence: int, snapshot: tuple[int, bytes] | None) -> list[RawMessage]:
        """Be alone no more: everything is in the journal. Return the last message of each partition taken alone.

        Parameters
        ----------
        sequence, snapshot
            Length of the journal, and the store's newest snapshot, of which the spool keeps a copy.
        """
        if self:
            log.warning("no longer DEGRADED: the store is back", spooled=self._spool.depth)
        self._spool.begin_anew(sequence, snapshot)
        self.reason = None
        self._backoff.success()
        taken, self._taken = list(self._taken.values()), {}
        return taken
