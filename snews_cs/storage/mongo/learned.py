"""What is remembered of the journal for a server that would look at every document to tell: FerretDB."""

from collections.abc import Collection, Sequence

from pymongo.collection import Collection as Documents

from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo.documents import Document, identity


class Learned:
    """The keys of the journal's first entries, and which of them were unpublished; each entry is read once.

    Every method raises what pymongo raises.
    """

    def __init__(self, entries: Documents[Document]) -> None:
        self._entries = entries
        self._keys: set[str] = set()
        self._unpublished: set[int] = set()

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""
        self._read_on()
        return frozenset(self._keys.intersection(keys))

    def unpublished(self) -> list[int]:
        """Return the numbers of entries that may be unpublished, in order."""
        self._read_on()
        return sorted(self._unpublished)

    def published(self, sequence: int) -> None:
        """Take note that an entry is marked as published."""
        self._unpublished.discard(sequence)

    def appended(self, entries: Sequence[Entry]) -> None:
        """Take note of entries that now stand."""
        for entry in entries:
            self._learn(entry.sequence, entry.key, published=entry.published)

    def forget(self) -> None:
        """Begin anew: the journal is empty."""
        self._keys.clear()
        self._unpublished.clear()

    def _read_on(self) -> None:
        wanted = {"sequence": True, "key": True, "published": True}
        while found := self._entries.find_one({"_id": identity(len(self._keys) + 1)}, wanted):
            self._learn(found["sequence"], found["key"], published=found["published"])

    def _learn(self, sequence: int, key: str, *, published: bool) -> None:
        if sequence == len(self._keys) + 1:  # else others that were not read stand before it
            self._keys.add(key)
            if not published:
                self._unpublished.add(sequence)
