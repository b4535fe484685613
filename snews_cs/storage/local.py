"""A store on this machine that belongs to one server: where its spool is kept."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from snews_cs.errors import SettingsError
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.protocol import Storage
from snews_cs.storage.sqlite.store import SqliteStorage

_NEVER_READ: Nanoseconds = 1
"""How long heartbeats are kept in projections, of which the spool has none."""


@contextmanager
def local_storage(directory: Path) -> Iterator[Storage]:
    """Yield a store in a directory, which is made if it is not there; nothing in it is read or written yet.

    Raises
    ------
    SettingsError
        If the directory cannot be used, or another process uses it.
    """
    with ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((directory / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                f"this server may be running already: {directory}, in SPOOL_DIRECTORY, is in use;"
                " if that is another server, give each its own SERVER_TAG"
            ) from error
        except OSError as error:
            raise SettingsError(f"SPOOL_DIRECTORY: cannot use {directory}: {error.strerror}") from error
        store = SqliteStorage(directory / "spool.sqlite", heartbeats_kept_ns=_NEVER_READ)
        yield stack.enter_context(closing(store))
