"""Starting an embedded broker from Python, as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Self

from snews_cs.broker.config import HOST, BrokerConfig

STOP_TIMEOUT = 1.5
"""Seconds after which a broker that is told to stop, and does not, is killed: what it acknowledged is on the disk."""


class BrokerNotStarted(Exception):
    """The broker could not be started; the text is one line that says why."""


class BrokerProcess:
    """An embedded broker in a child process, which ends with this one whatever happens.

    Its memory and its interpreter lock are its own. Used as a context manager it stops at the end.

    Parameters
    ----------
    config
        The settings.

    Raises
    ------
    BrokerNotStarted
        If a port is taken or the data directory cannot be used.
    """

    _program: ClassVar[Sequence[str]] = ("-m", "snews_cs.broker")

    def __init__(self, config: BrokerConfig) -> None:
        self.config = config
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, *self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for this process, which stops the broker when it is done with it
        )
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(json.dumps(asdict(config) | {"data": str(config.data)}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '"it ended without a word"')
        if isinstance(answer, str):
            self._reap()
            raise BrokerNotStarted(f"the embedded broker did not start: {answer}")
        self.ports: tuple[int, ...] = tuple(answer)

    @property
    def address(self) -> str:
        """``host:port`` of the main listener, which asks for a login if there are users."""
        return f"{HOST}:{self.ports[0]}"

    @property
    def plain_address(self) -> str:
        """``host:port`` of the listener that asks for no login (the main one if there are no users)."""
        return f"{HOST}:{self.ports[-1]}"

    @property
    def pid(self) -> int:
        """Number of the broker's process."""
        return self._process.pid

    def url(self, topic: str) -> str:
        """Return hop's URL of a topic on the listener that asks for no login."""
        return f"kafka://{self.plain_address}/{topic}"

    def wait(self) -> int:
        """Wait until the broker ends, for whatever reason, and return its exit code."""
        return self._process.wait()

    def stop(self) -> None:
        """Tell the broker to stop (SIGTERM) and wait until it has; kill it if it does not. Repeating it is harmless."""
        self._process.terminate()
        self._reap()

    def kill(self) -> None:
        """Kill the broker (SIGKILL). What it acknowledged is in its data directory."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_broker(
    data: Path,
    port: int = 0,
    users: Mapping[str, str] | None = None,
    *,
    plain_port: int | None = None,
    topics: Collection[str] = (),
    partitions: int = 1,
    auto_create: bool = True,
    advertised_port: int | None = None,
) -> BrokerProcess:
    """Start an embedded broker, on free ports unless told which, and wait until clients can connect.

    The parameters are those of :class:`~snews_cs.broker.config.BrokerConfig`.

    Raises
    ------
    BrokerNotStarted
        If a port is taken or the data directory cannot be used.
    """
    return BrokerProcess(
        BrokerConfig(
            data=data,
            port=port,
            users=dict(users or {}),
            plain_port=plain_port,
            topics=tuple(topics),
            partitions=partitions,
            auto_create=auto_create,
            advertised_port=advertised_port,
        )
    )
