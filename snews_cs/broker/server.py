"""The server: its listeners, all on the loopback address, and the life of its process."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from kio.schema.errors import ErrorCode

from snews_cs.broker.config import HOST, BrokerConfig
from snews_cs.broker.connection import serve
from snews_cs.broker.core import Broker, Client
from snews_cs.broker.database import Database

LOG_FILE = "log.sqlite"
"""Name of the file in the data directory that holds everything."""

_READ_BUFFER_BYTES = 1 << 20


class CannotStart(Exception):
    """A port is taken, or the data directory or a setting cannot be used; the text is one line for a person."""


def run(config: BrokerConfig, on_ready: Callable[[Sequence[int]], None], *, owner: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or until the owner is gone.

    Parameters
    ----------
    config
        The settings.
    on_ready
        Called when clients can connect, with the ports of the listeners, the main one first.
    owner
        File descriptor of a pipe whose other end the owner holds.

    Raises
    ------
    CannotStart
        If the broker cannot be started with these settings.
    """
    asyncio.run(_run(config, on_ready, owner))


async def _run(config: BrokerConfig, on_ready: Callable[[Sequence[int]], None], owner: int | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if owner is not None:
        loop.add_reader(owner, stopped.set)
    async with serving(config) as ports:
        on_ready(ports)
        await stopped.wait()


@asynccontextmanager
async def serving(config: BrokerConfig) -> AsyncIterator[Sequence[int]]:
    """Serve while the context lasts, and give the ports of the listeners, the main one first.

    Raises
    ------
    CannotStart
        If the broker cannot be started with these settings.
    """
    broker, database = _open(config)
    connections: set[asyncio.Task[None]] = set()
    servers: list[asyncio.Server] = []
    try:
        for name in config.topics:
            await _create(broker, name)
        login = bool(config.users)
        servers.append(await _listen(broker, config.port, connections, login=login, advertised=config.advertised_port))
        if config.plain_port is not None:
            servers.append(await _listen(broker, config.plain_port, connections, login=False))
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        database.close()


def _open(config: BrokerConfig) -> tuple[Broker, Database]:
    try:
        config.data.mkdir(parents=True, exist_ok=True)
        database = Database(config.data / LOG_FILE)
        return Broker(config, database), database
    except OSError as error:
        raise CannotStart(f"cannot use the data directory {config.data}: {error.strerror}") from error
    except sqlite3.Error as error:
        taken = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        reason = "another broker is using it" if taken else error
        raise CannotStart(f"cannot use the data directory {config.data}: {reason}") from error


async def _create(broker: Broker, name: str) -> None:
    error = await broker.log.create(name, broker.config.partitions)
    if error not in (ErrorCode.none, ErrorCode.topic_already_exists):
        raise CannotStart(f"cannot make the topic {name!r} with {broker.config.partitions} partitions: {error.name}")


async def _listen(
    broker: Broker, port: int, connections: set[asyncio.Task[None]], *, login: bool, advertised: int | None = None
) -> asyncio.Server:
    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = writer.get_extra_info("sockname")[1] if advertised is None else advertised
        client = Client(broker, port=there, is_welcome=not login)
        connection = asyncio.get_running_loop().create_task(serve(client, reader, writer))
        connections.add(connection)
        connection.add_done_callback(connections.discard)

    try:
        return await asyncio.start_server(connected, HOST, port, limit=_READ_BUFFER_BYTES)
    except OSError as error:
        raise CannotStart(f"cannot listen on {HOST}:{port}: {error.strerror or error}") from error
