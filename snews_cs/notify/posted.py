"""Which alerts were posted already: a small SQLite file of the bot's own."""

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from snews_cs.errors import SettingsError, StorageError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS began (
    channel TEXT, topic TEXT, unix_ms INTEGER NOT NULL, PRIMARY KEY (channel, topic)
);
CREATE TABLE IF NOT EXISTS posted (
    channel TEXT, alert_uuid TEXT, message TEXT NOT NULL, PRIMARY KEY (channel, alert_uuid)
);
"""


class PostedAlerts:
    """What was posted to which channel, durably. Its methods raise StorageError if the file fails.

    Parameters
    ----------
    path
        The file; made, with its directory, if it is missing. Several bots may share it.

    Raises
    ------
    SettingsError
        If the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            with ExitStack() as unless_ready:
                unless_ready.callback(self._database.close)
                self._database.execute("PRAGMA synchronous=FULL")
                self._database.executescript(_SCHEMA)
                unless_ready.pop_all()
        except (OSError, sqlite3.DatabaseError) as error:
            raise SettingsError(f"cannot use {path} to note what was posted: {error}") from error

    def began_unix_ms(self, channel: str, topic: str, now_unix_ms: int) -> int:
        """Return when a bot first read that topic for that channel (POSIX time, ms): now, if none ever did."""
        self._rows("INSERT OR IGNORE INTO began VALUES (?, ?, ?)", channel, topic, now_unix_ms)
        began: int = self._rows("SELECT unix_ms FROM began WHERE channel = ? AND topic = ?", channel, topic)[0][0]
        return began

    def holds(self, channel: str, alert_uuid: str) -> bool:
        """Return whether that alert was posted to that channel."""
        return bool(self._rows("SELECT 1 FROM posted WHERE channel = ? AND alert_uuid = ?", channel, alert_uuid))

    def add(self, channel: str, alert_uuid: str, message: str) -> None:
        """Note that an alert was posted, and which message it became."""
        self._rows("INSERT OR IGNORE INTO posted VALUES (?, ?, ?)", channel, alert_uuid, message)

    def _rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"{self._path} fails: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()
