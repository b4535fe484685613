"""From ``DATABASE_SERVER`` to a store."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import urlsplit

from snews_cs.errors import NoStore, SettingsError, StorageError, StoreUnreachable
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.protocol import Storage, StoreReader
from snews_cs.storage.sqlite.store import SqliteStorage

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
    if database_server.startswith(_SQLITE):
        path = _sqlite_path(database_server.removeprefix(_SQLITE), firedrill=firedrill)
        if read_only:
            _require_file(path)
        else:
            _make_directory(path.parent)
        return SqliteStorage(path, heartbeats_kept_ns=heartbeats_kept_ns, read_only=read_only)
    raise SettingsError("DATABASE_SERVER is neither mongodb://HOST... nor sqlite:///PATH")


def _mongo(url: str, heartbeats_kept_ns: Nanoseconds, *, firedrill: bool, read_only: bool) -> Storage:
    import pymongo  # with what needs it, a tenth of a second that SQLite need not wait for
    from pymongo.errors import PyMongoError

    from snews_cs.storage.mongo.documents import Document
    from snews_cs.storage.mongo.store import OPTIONS, MongoStorage

    hosts = urlsplit(url).netloc.rpartition("@")[2]  # the rest may hold a password
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pymongo would pass over options that it does not know
            client: pymongo.MongoClient[Document] = pymongo.MongoClient(url, **OPTIONS)
    except (PyMongoError, ValueError, UserWarning) as error:
        raise SettingsError(f"DATABASE_SERVER: {error}") from error
    return MongoStorage(
        client,
        name=f"MongoDB at {hosts}",
        database="snews_db_firedrill" if firedrill else "snews_db",
        heartbeats_kept_ns=heartbeats_kept_ns,
        read_only=read_only,
    )


def _sqlite_path(name: str, *, firedrill: bool) -> Path:
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
