"""systemd, as far as a service talks to it."""

import socket
import time
from typing import Self

from tests.support.server import PATIENCE_S


class Systemd:
    """The other end of ``NOTIFY_SOCKET``.

    Parameters
    ----------
    address
        Path of the socket; one that begins with a NUL is abstract.
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Return what was said since it was last asked."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def wait_for(self, what: str) -> list[str]:
        """Wait until something is said; return it, and all that was said with it since it was last asked."""
        found: list[str] = []
        end = time.monotonic() + PATIENCE_S
        while what not in found:
            assert time.monotonic() < end, f"systemd was not told {what}, only {found}"
            time.sleep(0.01)
            found += self.heard()
        return found

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
