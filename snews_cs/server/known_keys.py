"""Which messages are known to be in the journal: the store is asked no more than it has to be."""

from collections.abc import Iterable, Sequence
from itertools import islice

from snews_cs.server.arrival import Arrival
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

RECENT = 10_000
"""How many of the latest keys are remembered: what comes twice mostly comes again soon."""


class KnownKeys:
    """The latest keys of the journal, and what the store says of older ones.

    The store is asked at first, until it knows of nothing more, and again after :meth:`ask_again`.

    Parameters
    ----------
    storage
        Where the journal is.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._recent: dict[str, None] = {}
        self._must_ask = True

    def __contains__(self, key: str) -> bool:
        """Whether a message is remembered to be in the journal; of older ones that is not known."""
        return key in self._recent

    def add(self, entries: Iterable[Entry]) -> None:
        """Remember the keys of entries that stand, and no more of them all than the latest."""
        self._recent |= dict.fromkeys(entry.key for entry in entries)
        for key in list(islice(self._recent, max(0, len(self._recent) - RECENT))):
            del self._recent[key]

    def ask_again(self) -> None:
        """Ask the store next time: a key was taken that is not remembered."""
        self._must_ask = True

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Return the messages that are not known to be in the journal, each once.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        news = {arrival.key: arrival for arrival in arrivals if arrival.key not in self._recent}
        if news and self._must_ask:
            known = self._storage.known_keys(list(news))
            self._must_ask = bool(known)
            news = {key: arrival for key, arrival in news.items() if key not in known}
        return list(news.values())
