"""The store: whether it answers, takes writes, and holds a journal that can be read."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import NoStore, SettingsError, StorageError, StoreUnreachable, UnreadableSnapshot
from snews_cs.messages.times import describe_duration, tai_now
from snews_cs.monitoring.doctor.finding import Finding, Level
from snews_cs.storage.open import open_reader, open_storage
from snews_cs.storage.protocol import StoreReader

FEWEST_FREE_BYTES = 10**9
"""With less room on the disk somebody should know."""

_SQLITE = "sqlite:///"


def check_store(database_server: str, *, firedrill: bool) -> Iterator[Finding]:
    """Look at the store; where there is none, none is made.

    Parameters
    ----------
    database_server, firedrill
        As for :func:`snews_cs.storage.open.open_storage`.
    """
    try:
        with closing(open_reader(database_server, firedrill=firedrill)) as reader:
            journal = list(_check_journal(reader))
    except NoStore as error:
        yield Finding(
            Level.WARNING,
            "store",
            str(error),
            "the first start makes it; if a server ran before, check DATABASE_SERVER",
        )
    except StoreUnreachable as error:
        yield Finding(Level.FAILED, "store", str(error), "start it, or check DATABASE_SERVER and the network between")
    except SettingsError as error:
        yield Finding(Level.FAILED, "store", str(error), "check DATABASE_SERVER, and who may read it")
    except StorageError as error:
        yield Finding(Level.FAILED, "journal", str(error), "keep the store as it is, and restore a backup elsewhere")
    else:
        yield _check_writing(database_server, firedrill=firedrill)
        yield from journal
    if database_server.startswith(_SQLITE):
        yield check_room("disk", Path(database_server.removeprefix(_SQLITE)).parent)


def check_room(subject: str, directory: Path) -> Finding:
    """Look whether a directory, or where it would be made, can be written to, and has room."""
    try:
        there = next(each for each in (directory.absolute(), *directory.absolute().parents) if each.exists())
        is_usable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except PermissionError:
        there, is_usable = directory, False
    if not is_usable:
        return Finding(Level.FAILED, subject, f"{there} cannot be written to", "let the server's user write there")
    free = shutil.disk_usage(there).free
    text = f"{free / 10**9:.1f} GB are free at {there}"
    if free < FEWEST_FREE_BYTES:
        return Finding(Level.WARNING, subject, text, "make room: when the disk is full, nothing more is journaled")
    return Finding(Level.OK, subject, text)


def _check_writing(database_server: str, *, firedrill: bool) -> Finding:
    """Open the store as a server does, which is a write that changes nothing."""
    try:
        open_storage(database_server, firedrill=firedrill).close()
    except SettingsError as error:
        return Finding(Level.FAILED, "store", f"cannot be written to: {error}", "let the server's user write there")
    where = (
        database_server.removeprefix(_SQLITE)
        if database_server.startswith(_SQLITE)
        else "MongoDB at " + (urlsplit(database_server).netloc.rpartition("@")[2])
    )
    return Finding(Level.OK, "store", f"{where} can be read and written")


def _check_journal(reader: StoreReader) -> Iterator[Finding]:
    last = reader.entry(reader.last_sequence())
    waiting = sum(len(entry.alerts_json) for entry in reader.unpublished())
    if last is None:
        yield Finding(Level.OK, "journal", "is empty")
        return
    ago = describe_duration(max(0, tai_now() - last.received_ns) // 10**9 * 10**9)
    text = f"{last.sequence} entries, the last {ago} ago, by {last.writer}"
    if waiting:
        yield Finding(Level.WARNING, "journal", f"{text}; {waiting} alerts not published", "start a server")
    else:
        yield Finding(Level.OK, "journal", text)
    if (snapshot := reader.latest_snapshot()) is not None:
        try:
            Engine.restore(snapshot[1])
        except UnreadableSnapshot as error:
            yield Finding(Level.WARNING, "snapshot", str(error), "the next start reads the whole journal instead")
