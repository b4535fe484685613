"""The SQLite store's tables and statements. What is put together here are names of our own; values are always bound."""
# ruff: noqa: S608

from collections.abc import Sequence

from snews_cs.storage.codec import ROW
from snews_cs.storage.tables import COLUMNS, EXPIRING, KINDS, CacheRow, QuarantineRow

APPLICATION_ID = 0x534E4353
"""Tells a database of ours ("SNCS") from one of another program."""

LAYOUT = 3
"""Version of the tables."""

PAGE = 100
"""How many entries are read at once."""

SWEPT = 2_000
"""How many rows of a table are deleted at once: some 7 ms, for which a message may have to wait."""


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


_JOURNAL = """
CREATE TABLE all_mgs (
    sequence INTEGER PRIMARY KEY,
    "key" TEXT NOT NULL UNIQUE,
    received_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    attempt TEXT NOT NULL,
    claim TEXT NOT NULL,
    published INTEGER NOT NULL,
    topic TEXT NOT NULL,
    "partition" INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    headers TEXT NOT NULL,
    verdict TEXT NOT NULL,
    alerts TEXT NOT NULL,
    outcome TEXT,
    message TEXT,
    value BLOB
)
"""

CREATE = (
    _JOURNAL,
    "CREATE INDEX unpublished ON all_mgs (sequence) WHERE published = 0",
    "CREATE TABLE snapshots (sequence INTEGER PRIMARY KEY, state BLOB NOT NULL)",
    "CREATE TABLE projected (sequence INTEGER NOT NULL)",
    "INSERT INTO projected VALUES (0)",
    *(f'CREATE TABLE {kind.table} ({_names(names)}, PRIMARY KEY ("{names[0]}"))' for kind, names in COLUMNS.items()),
    *(f"CREATE INDEX {kind.table}_expiry ON {kind.table} (expires_ns)" for kind in EXPIRING),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {LAYOUT}",
)
DROP = tuple(f"DROP TABLE {name}" for name in ("all_mgs", "snapshots", "projected", *(kind.table for kind in KINDS)))

APPEND = f"INSERT INTO all_mgs ({_names(ROW)}) VALUES ({_marks(ROW)})"
ENTRY = f"SELECT {_names(ROW)} FROM all_mgs WHERE sequence = ?"
ENTRIES_AFTER = f"SELECT {_names(ROW)} FROM all_mgs WHERE sequence > ? ORDER BY sequence LIMIT {PAGE}"
UNPUBLISHED = f"SELECT {_names(ROW)} FROM all_mgs WHERE published = 0 ORDER BY sequence"
UNMARKED = "SELECT sequence, claim FROM all_mgs WHERE published = 0"
LAST_SEQUENCE = "SELECT coalesce(max(sequence), 0) FROM all_mgs"
KNOWN = 'SELECT "key" FROM all_mgs WHERE "key" IN (SELECT value FROM json_each(?))'
MARK_PUBLISHED = "UPDATE all_mgs SET published = 1 WHERE sequence = ? AND published = 0"
CLAIM = "UPDATE all_mgs SET claim = ? WHERE sequence = ? AND claim = ? AND published = 0"

SAVE_SNAPSHOT = "REPLACE INTO snapshots VALUES (?, ?)"
DROP_OLD_SNAPSHOTS = (
    "DELETE FROM snapshots WHERE sequence NOT IN (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT 2)"
)
LATEST_SNAPSHOTS = "SELECT sequence, state FROM snapshots ORDER BY sequence DESC"

PROJECTED = "SELECT sequence FROM projected"
SET_PROJECTED = "UPDATE projected SET sequence = ?"
PUT = {kind: f"REPLACE INTO {kind.table} VALUES ({_marks(names)})" for kind, names in COLUMNS.items()}
REMOVE_LINE = f"DELETE FROM {CacheRow.table} WHERE line_id = ?"
ROWS_AFTER = {
    kind: f'SELECT {_names(names)} FROM {kind.table} WHERE "{names[0]}" > ? AND {kind.time} >= ? '
    f"ORDER BY 1 LIMIT {PAGE}"
    for kind, names in COLUMNS.items()
}
REFUSED = f"SELECT sequence FROM {QuarantineRow.table} ORDER BY sequence DESC LIMIT ?"
REFUSALS = f"SELECT reason, count(*) FROM {QuarantineRow.table} GROUP BY reason"
SWEEP = tuple(
    f"DELETE FROM {kind.table} WHERE rowid IN (SELECT rowid FROM {kind.table} WHERE expires_ns <= ? LIMIT {SWEPT})"
    for kind in EXPIRING
)
