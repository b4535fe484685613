"""From ``DATABASE_SERVER`` to a store."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from snews_cs.errors import NoStore, SettingsError, StorageError, StoreUnreachable
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.notes import Notes, SqliteNotes
from snews_cs.storage.protocol import Storage, StoreReader
from snews_cs.storage.sqlite.store import SqliteStorage

if TYPE_CHECKING:
    import pymongo

    from snews_cs.storage.mongo.documents import Document

_SQLITE = "sqlite:///"
_MONGODB = ("mongodb://", "mongodb+srv://")
_WEEK_NS = 7 * 86_400 * 10**9


def open_storage(
    database_server: str, *, heartbeats_kept_ns: Nanoseconds = _WEEK_NS, firedrill: bool = False
) -> Storage:
    """Open the store of that address, and make it where there is none.

    A store that does not answer now is opened all the same: nothing can be done with it until
    :meth:`snews_cs.storage.protocol.StoreReader.prepare` succeeds.

    Parameters
    ----------
    database_server
        ``mongodb://...``; or ``sqlite:///PATH``, where the path is relative to the working directory unless it begins
        with a fourth slash. The file's directory is made.
    heartbeats_kept_ns
        How long heartbeats are kept (``HB_DELETE_AFTER``), ns.
    firedrill
        Whether to open the store of firedrills, which never meet real observations: the MongoDB database
        ``snews_db_firedrill`` instead of ``snews_db``, the file ``NAME-firedrill`` beside that of the real ones.

    Raises
    ------
    SettingsError
        If the address cannot be used: the text says why, and shows no password.
    """
    return _open(database_server, heartbeats_kept_ns, firedrill=firedrill, read_only=False)


def open_reader(database_server: str, *, firedrill: bool = False) -> StoreReader:
    """Open the store of that address to look at it: nothing is made or changed, and a server may run meanwhile.

    Parameters
    ----------
    database_server, firedrill
        As for :func:`open_storage`.

    Raises
    ------
    SettingsError
        If the address cannot be used: the text says why, and shows no password.
    NoStore
        If there is nothing to be looked at.
    StoreUnreachable
        If the store does not answer.
    """
    return _open(database_server, _WEEK_NS, firedrill=firedrill, read_only=True)


def open_notes(database_server: str, *, firedrill: bool = False) -> Notes:
    """Open the notes that belong to the store of that address, and make them where there are none.

    Parameters
    ----------
    database_server, firedrill
        As for :func:`open_storage`; the notes of a file are in ``NAME-notes`` beside it.

    Raises
    ------
    SettingsError
        If the address cannot be used: the text says why, and shows no password.
    StoreUnreachable
        If they are in a file that cannot be had now.
    """
    with _blaming_the_setting():
        if database_server.startswith(_MONGODB):
            return _mongo_notes(database_server, firedrill=firedrill)
        path = _sqlite_path(database_server, firedrill=firedrill)
        _make_directory(path.parent)
        return SqliteNotes(path.with_stem(path.stem + "-notes"))


def _open(database_server: str, heartbeats_kept_ns: Nanoseconds, *, firedrill: bool, read_only: bool) -> Storage:
    with ExitStack() as stack, _blaming_the_setting():
        store = _store(database_server, heartbeats_kept_ns, firedrill=firedrill, read_only=read_only)
        stack.callback(store.close)
        with nullcontext() if read_only else suppress(StoreUnreachable):
            store.prepare()
        stack.pop_all()
        return store


@contextmanager
def _blaming_the_setting() -> Iterator[None]:
    """Let it be a fault of the address if a store answers and cannot be used."""
    try:
        yield
    except StoreUnreachable:
        raise
    except StorageError as error:
        raise SettingsError(f"DATABASE_SERVER: {error}") from error


def _store(database_server: str, heartbeats_kept_ns: Nanoseconds, *, firedrill: bool, read_only: bool) -> Storage:
    if database_server.startswith(_MONGODB):
        return _mongo(database_server, heartbeats_kept_ns, firedrill=firedrill, read_only=read_only)
    path = _sqlite_path(database_server, firedrill=firedrill)
    if read_only:
        _require_file(path)
    else:
        _make_directory(path.parent)
    return SqliteStorage(path, heartbeats_kept_ns=heartbeats_kept_ns, read_only=read_only)


def _mongo(url: str, heartbeats_kept_ns: Nanoseconds, *, firedrill: bool, read_only: bool) -> Storage:
    from snews_cs.storage.mongo.store import MongoStorage

    return MongoStorage(
        _mongo_client(url),
        name=_mongo_name(url),
        database=_mongo_database(firedrill=firedrill),
        heartbeats_kept_ns=heartbeats_kept_ns,
        read_only=read_only,
    )


def _mongo_notes(url: str, *, firedrill: bool) -> Notes:
    from snews_cs.storage.mongo.notes import MongoNotes

    return MongoNotes(_mongo_client(url), name=_mongo_name(url), database=_mongo_database(firedrill=firedrill))


def _mongo_client(url: str) -> "pymongo.MongoClient[Document]":
    import pymongo  # with what needs it, a tenth of a second that SQLite need not wait for
    from pymongo.errors import PyMongoError

    from snews_cs.storage.mongo.store import OPTIONS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pymongo would pass over options that it does not know
            return pymongo.MongoClient(url, **OPTIONS)
    except (PyMongoError, ValueError, UserWarning) as error:
        raise SettingsError(f"DATABASE_SERVER: {error}") from error


def _mongo_name(url: str) -> str:
    return f"MongoDB at {urlsplit(url).netloc.rpartition('@')[2]}"  # the rest may hold a password


def _mongo_database(*, firedrill: bool) -> str:
    return "snews_db_firedrill" if firedrill else "snews_db"


def _sqlite_path(database_server: str, *, firedrill: bool) -> Path:
    if not database_server.startswith(_SQLITE):
        raise SettingsError("DATABASE_SERVER is neither mongodb://HOST... nor sqlite:///PATH")
    name = database_server.removeprefix(_SQLITE)
    if name in ("", ":memory:"):
        raise SettingsError("DATABASE_SERVER: sqlite:/// needs the path of a file")
    path = Path(name)
    return path.with_stem(path.stem + "-firedrill") if firedrill else path


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"DATABASE_SERVER: cannot make the directory {path}: {error.strerror}") from error


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise NoStore(f"DATABASE_SERVER: there is no store at {path}")
