"""What those who tell people remember: short texts, each written once.

They are kept beside the journal, where the servers of all sites find them, but never in its way: in a collection of
their own, or in a file of their own beside the store's, so that whoever holds that file up does not hold up the server.
"""

import sqlite3
from pathlib import Path
from typing import Protocol

from snews_cs.storage.sqlite.errors import answering

TIMEOUT_S = 5.0
"""How long to wait for another process that is writing, s."""


class Notes(Protocol):
    """Texts by name. Every method raises :class:`snews_cs.errors.StorageError` if they cannot be had now."""

    def add(self, name: str, text: str) -> bool:
        """Write a text down durably and for good; False if there is one of that name, which stays as it is.

        Of all who do so at once, one gets True. One who got an error does not know: :meth:`get` tells.
        """

    def get(self, name: str) -> str | None:
        """Return the text of that name, None if there is none."""

    def close(self) -> None:
        """Release the connection. The notes are not used afterwards."""


class SqliteNotes:
    """The :class:`Notes` in a SQLite file.

    Parameters
    ----------
    path
        The file, made if it is not there; its directory is.

    Raises
    ------
    StoreUnreachable
        If it cannot be had now: another process holds it up, or the disk is full.
    StorageError
        If the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with answering(path):
            self._db = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, text TEXT NOT NULL)")

    def add(self, name: str, text: str) -> bool:
        """Write a text down; False if there is one of that name."""
        with answering(self._path):
            return self._db.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (name, text)).rowcount == 1

    def get(self, name: str) -> str | None:
        """Return the text of that name, None if there is none."""
        with answering(self._path):
            found = self._db.execute("SELECT text FROM notes WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
