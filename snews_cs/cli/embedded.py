"""``--embedded``: everything on this machine, nothing to install: SQLite as the store, and a broker if none runs."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from snews_cs.errors import SettingsError
from snews_cs.settings import Settings

if TYPE_CHECKING:
    from snews_cs.cli.kept_broker import KeptBroker

log = structlog.get_logger(__name__)

DEFAULT_BROKER = "127.0.0.1:9092"
_LOOPBACK = {"127.0.0.1", "localhost"}


@contextmanager
def embedded(settings: Settings, data: Path | None) -> Iterator[Settings]:
    """Yield settings that need nothing but this machine, with a broker that listens.

    ``HOP_BROKER``, ``DATABASE_SERVER`` and ``HOP_AUTH`` stand as given if they are given and fit. A broker that
    already listens is used; else one is started, and ends with this context.

    Parameters
    ----------
    settings
        As loaded.
    data
        Directory of the store and the broker; by default ``snews_cs`` in the user's data directory.

    Raises
    ------
    SettingsError
        If ``HOP_BROKER`` is not on this machine.
    """
    local = local_settings(settings, data)
    broker = local.hop_broker
    host, _, port = broker.partition(":")
    if _listens(host, int(port or 9092)):
        log.info("using the broker that listens already", address=broker)
        yield local
        return
    with closing(_broker(_directory(data) / "broker", int(port or 9092), local)):
        log.info("embedded broker started", address=broker)
        yield local


def local_settings(settings: Settings, data: Path | None) -> Settings:
    """Return settings that need nothing but this machine; see :func:`embedded`, which also sees that there is a broker.

    Raises
    ------
    SettingsError
        If ``HOP_BROKER`` is not on this machine.
    """
    given = settings.model_fields_set
    broker = settings.hop_broker if "hop_broker" in given else DEFAULT_BROKER
    host = broker.partition(":")[0]
    if host not in _LOOPBACK:
        raise SettingsError(f"HOP_BROKER: --embedded needs a broker on this machine, not {broker}")
    changes: dict[str, object] = {"database_server": embedded_store(settings, data)}
    if "spool_directory" not in given:
        changes["spool_directory"] = _directory(data) / "spool"
    if "hop_auth" not in given:
        changes["hop_auth"] = False
    return settings.moved_to(broker).model_copy(update=changes)


def embedded_store(settings: Settings, data: Path | None) -> str:
    """Return the ``DATABASE_SERVER`` of ``--embedded``: that given if it is SQLite, else a file in ``data``."""
    given = settings.database_server
    return given if given.startswith("sqlite:") else f"sqlite:///{_directory(data) / 'snews_cs.sqlite'}"


def _broker(data: Path, port: int, settings: Settings) -> "KeptBroker":
    from snews_cs.broker.process import BrokerNotStarted, start_broker
    from snews_cs.cli.kept_broker import KeptBroker

    topics = [urlsplit(url).path.lstrip("/") for url in settings.topics().values()]
    try:
        return KeptBroker(lambda: start_broker(data, port=port, topics=topics))
    except BrokerNotStarted as error:
        raise SettingsError(f"--embedded: {error}") from error


def _directory(data: Path | None) -> Path:
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return (data or share / "snews_cs").resolve()


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
