"""Looking for a drill's messages in the journal."""

import time
from collections.abc import Callable, Collection
from uuid import UUID

from snews_cs.errors import SettingsError, StorageError
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import StoreReader


class JournalWatch:
    """Looks into the journal for some messages, from where it ends now; it is closed at the end.

    A store that cannot be read, for instance because it is on another machine, is no fault of the server.

    Parameters
    ----------
    open_store
        Opens the store to look at it.
    message_uuids
        What to look for.

    Attributes
    ----------
    unseen
        Why the journal cannot be looked into; None if it can.
    """

    def __init__(self, open_store: Callable[[], StoreReader], message_uuids: Collection[str]) -> None:
        self._wanted = {UUID(each).bytes: each for each in message_uuids}  # hop's _id: whatever became of the rest
        self._found: dict[str, tuple[Entry, int]] = {}
        self._store: StoreReader | None = None
        self.unseen: str | None = None
        try:
            self._store = open_store()
            self._after = self._store.last_sequence()
        except (StorageError, SettingsError) as error:
            self._give_up(error)

    def look(self) -> None:
        """See what has come since the last look."""
        if self._store is None or len(self._found) == len(self._wanted):
            return
        try:
            for entry in self._store.entries(self._after):
                self._after = entry.sequence
                message_uuid = self._wanted.get(entry.raw.header("_id") or b"")
                if message_uuid is not None:
                    self._found.setdefault(message_uuid, (entry, time.time_ns()))
        except StorageError as error:
            self._give_up(error)

    def entry(self, message_uuid: str) -> Entry | None:
        """Return the entry of a message, None if it was not seen."""
        found = self._found.get(message_uuid)
        return found and found[0]

    def refusal(self) -> Entry | None:
        """Return an entry of a message that was refused, None if none was."""
        return next((entry for entry, _ in self._found.values() if not entry.verdict.accepted), None)

    def seen_unix_ns(self, message_uuid: str) -> int | None:
        """Return when its entry was first seen, POSIX time, ns."""
        found = self._found.get(message_uuid)
        return found and found[1]

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def _give_up(self, error: StorageError | SettingsError) -> None:
        self.close()
        self._store = None
        self.unseen = str(error)
