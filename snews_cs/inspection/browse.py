"""Reading the journal as a person does: its end first, or as it grows."""

from collections.abc import Callable, Iterator
from itertools import islice

import structlog

from snews_cs.errors import StoreUnreachable
from snews_cs.messages.types import ServerMessage
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import StoreReader
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

WINDOW = 500
"""How many entries are looked through at once."""

Wanted = Callable[[Entry], bool]


def wanted(*, detector: str | None = None, alerts: bool = False) -> Wanted:
    """Return whether to show an entry.

    Parameters
    ----------
    detector
        Show only messages of this detector, in any case of letters.
    alerts
        Show only what made alerts.
    """
    name = detector and detector.casefold()

    def is_wanted(entry: Entry) -> bool:
        speaker = detector_of(entry)
        is_speaker = name is None or (speaker is not None and speaker.casefold() == name)
        return is_speaker and (bool(entry.alerts_json) or not alerts)

    return is_wanted


def detector_of(entry: Entry) -> str | None:
    """Return the detector that an entry's message is of, None if it is of the server or not understood."""
    message = entry.message
    return None if message is None or isinstance(message, ServerMessage) else message.detector_name


def latest(store: StoreReader, most: int, *, after: int = 0, wanted: Wanted = lambda _: True) -> list[Entry]:
    """Return the latest wanted entries, in order.

    Parameters
    ----------
    store
        Holds the journal.
    most
        How many at most.
    after
        Only entries with sequence numbers above this.
    wanted
        Which entries count.

    Raises
    ------
    StorageError
        If the store fails.
    """
    found: list[Entry] = []
    end = store.last_sequence()
    while end > after and len(found) < most:
        start = max(after, end - WINDOW)
        found = [*filter(wanted, islice(store.entries(start), end - start)), *found]
        end = start
    return found[max(0, len(found) - most) :]


def follow(store: StoreReader, stop: StopRequest, *, after: int, wait_s: float = 0.2) -> Iterator[Entry]:
    """Yield the entries above ``after`` as they come, until told to stop. While the store is away, it waits.

    Parameters
    ----------
    store
        Holds the journal.
    stop
        Ends it.
    after
        The last sequence number that is known already.
    wait_s
        How long to wait before it looks again, s.

    Raises
    ------
    StorageError
        If the store fails for another reason than that it does not answer.
    """
    backoff = Backoff()
    while not stop:
        try:
            if store.last_sequence() < after:
                log.warning("the store was emptied")
                after = 0
            for entry in store.entries(after):
                after = entry.sequence
                yield entry
                if stop:
                    return
        except StoreUnreachable as error:
            delay_s = backoff.failure()
            log.warning("cannot read now", error=str(error), again_in_s=delay_s)
            stop.wait(delay_s)
        else:
            backoff.success()
            stop.wait(wait_s)
