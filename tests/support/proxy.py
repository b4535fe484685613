"""What lies between a client and a server: a network that can be slow, silent, broken or not there.

It forwards bytes as they are, so a server has to tell its clients the proxy's address as its own.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from tests.support.ports import HOST, free_port

_CHUNK = 65_536
_MOST_CHUNKS = 100
_RESET = struct.pack("ii", 1, 0)  # a connection closed with this is reset


class _EndedError(Exception):
    """One side has closed the connection."""


@dataclass(eq=False)
class _Pair:
    """A connection of a client, and ours to the server for it; once ``is_lost`` nothing reaches either side."""

    is_lost: bool


class Proxy:
    """A port that leads to another one on this machine; it runs in a thread and begins forwarding.

    Parameters
    ----------
    target
        Port of the server; None for a free one, to be its port later. While nobody listens there, who connects is cut.

    Attributes
    ----------
    port, target
        Where the proxy listens, and the server.
    """

    def __init__(self, target: int | None = None) -> None:
        self.target = target or free_port()
        self.port = free_port()
        self._delay_s = 0.0
        self._swallows = False
        self._listener: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {self.target}")
        self._thread.start()
        self.forward()

    @property
    def address(self) -> str:
        """``host:port`` where it listens."""
        return f"{HOST}:{self.port}"

    def forward(self) -> None:
        """Be as if it were not there. What was held goes out now; what was swallowed is lost, with its connection."""
        self._do(self._change())

    def delay(self, seconds: float) -> None:
        """Let everything take so long, each way; new connections stand at once."""
        self._do(self._change(delay_s=seconds))

    def hold(self) -> None:
        """Forward nothing and close nothing, as a network that lost its way for a while."""
        self._do(self._change(flows=False))

    def swallow(self) -> None:
        """Take everything in and forward nothing, ever, on connections that stand meanwhile, as a firewall may."""
        self._do(self._change(swallows=True))

    def cut(self) -> None:
        """Reset all connections; new ones are welcome."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Reset all connections and let in no others."""
        self._do(self._refuse())

    def close(self) -> None:
        """End, with all connections."""
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _change(self, *, delay_s: float = 0.0, flows: bool = True, swallows: bool = False) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connected, HOST, self.port, limit=_CHUNK)
        self._delay_s = delay_s
        self._swallows = swallows
        for pair in self._pairs if swallows else ():
            pair.is_lost = True
        if flows:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _cut(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._cut()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(self._swallows)
        self._pairs.add(pair)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target, limit=_CHUNK)
            writers.append(far_writer)
            async with asyncio.TaskGroup() as group:
                for source, sink in ((reader, far_writer), (far_reader, writer)):
                    queue: _Queue = asyncio.Queue(_MOST_CHUNKS)
                    group.create_task(self._take(source, queue))
                    group.create_task(self._give(queue, sink, pair))
        except* (OSError, _EndedError):
            pass  # the other side hears of it
        finally:
            self._pairs.discard(pair)
            for each in writers:
                with suppress(OSError):  # it may be closed already
                    each.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                each.transport.abort()

    async def _take(self, source: asyncio.StreamReader, queue: "_Queue") -> None:
        while chunk := await source.read(_CHUNK):
            await queue.put((self._loop.time() + self._delay_s, chunk))
        await queue.put((self._loop.time() + self._delay_s, b""))

    async def _give(self, queue: "_Queue", sink: asyncio.StreamWriter, pair: _Pair) -> None:
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(due - self._loop.time())
            await self._flowing.wait()
            if not chunk:
                raise _EndedError
            if not pair.is_lost:
                sink.write(chunk)
                await sink.drain()


_Queue = asyncio.Queue[tuple[float, bytes]]
