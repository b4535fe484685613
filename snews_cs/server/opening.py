"""What a server does with its store before it works with it: at the start, and when the store has been away."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import structlog

from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.arrival import Arrival
from snews_cs.server.journal import Journal
from snews_cs.server.reconcile import reconciliations
from snews_cs.server.spool import Spool
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.waiting import StopRequest

log = structlog.get_logger(__name__)

SPOOLED_AT_ONCE = 200
"""How many messages of the spool share one durable write."""


class Opened(NamedTuple):
    """A store ready to be worked with.

    Parameters
    ----------
    unpublished
        The entries whose alerts are not marked as published, in order.
    sent_alone
        The alerts, by ``alert_uuid``, that the broker acknowledged while the server was alone.
    snapshot
        The snapshot of the engine that was taken up and its sequence number, None if there was none.
    """

    unpublished: list[Entry]
    sent_alone: frozenset[str]
    snapshot: tuple[int, bytes] | None


def open_journal(
    journal: Journal,
    storage: Storage,
    spool: Spool,
    parameters: Parameters,
    now: Callable[[], Nanoseconds],
    stop: StopRequest,
) -> Opened | None:
    """Restore the engine, journal what is in the spool, and put readers right.

    A journal may be long: when told to stop, what is left of all this is left, and None returned. Doing it again, after
    a failure or a crash at any point, does nothing twice; the spool is not emptied here.

    Parameters
    ----------
    journal
        One that knows nothing yet.
    parameters
        What the engine shall decide with.

    Raises
    ------
    StorageError
        If the store or the spool fails.
    """
    snapshot = journal.restore()
    _replay(journal, stop)
    while not stop and journal.engine.parameters != parameters:
        if journal.append_parameters(parameters, now()):
            break  # they are in force, unless the engine failed on them: then the old ones are
        _replay(journal, stop)
    sent_alone = frozenset[str]()
    spool.open()
    if spool.depth:
        _journal_spool(journal, spool, stop)
        _reconcile(journal, storage, spool, now, stop)
        sent_alone = frozenset(
            alert.alert_uuid
            for entry in spool.entries()
            if entry.published and entry.outcome
            for alert in entry.outcome.alerts
        )
    return None if stop else Opened(storage.unpublished(), sent_alone, snapshot)


def _replay(journal: Journal, stop: StopRequest) -> None:
    """Bring the engine up to the journal; what follows from the entries is found in the store."""
    for _ in journal.adopt():
        if stop:
            break


def _journal_spool(journal: Journal, spool: Spool, stop: StopRequest) -> None:
    """Append the spooled messages as any others, with the verdicts and times they have."""
    spooled = map(Arrival.again, spool.entries())
    while not stop and (group := list(islice(spooled, SPOOLED_AT_ONCE))):
        for _ in journal.take(group):
            pass


def _reconcile(
    journal: Journal, storage: Storage, spool: Spool, now: Callable[[], Nanoseconds], stop: StopRequest
) -> None:
    """Put the readers of alerts sent alone right, going by the journal as it stands when that is written down."""
    if not any(entry.alerts_json for entry in spool.entries()):
        return
    snapshot = spool.snapshot()
    known = snapshot[0] if snapshot else 0  # so many entries the spool's server had seen before it was alone
    while not stop:
        messages = reconciliations(spool.entries(), storage.entries(after=known if known <= journal.sequence else 0))
        if not messages:
            break
        for entry in journal.append_own(messages[0], now()):
            log.warning(
                "readers of alerts sent alone are put right",
                sent_alone=len(messages[0].alerts),
                alerts=len(entry.alerts_json),
            )
        _replay(journal, stop)
