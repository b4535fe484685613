"""systemd's notifications (sd_notify(3)): that the server is up, that its loop still comes round, that it ends."""

import socket
from collections.abc import Callable, Mapping
from typing import Self

import structlog

log = structlog.get_logger(__name__)

WATCHDOG_EVERY_S = 1.0
"""How often the watchdog is fed at most, s; the unit's ``WatchdogSec`` is many times that."""

_LONGEST_WAIT_S = 0.2


class Watchdog:
    """Tells systemd how the server is; without systemd it tells nobody.

    Only the loop calls :meth:`feed`: a loop that stands is a server that systemd starts anew.

    Parameters
    ----------
    address
        The datagram socket that systemd listens on (``NOTIFY_SOCKET``); None if there is none.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(self, address: str | None, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._fed_s = float("-inf")
        self._status = ""
        self._is_heard = True
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket is not None:
            self._socket.settimeout(_LONGEST_WAIT_S)  # who does not listen must not stop the loop

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], monotonic: Callable[[], float]) -> Self:
        """Return one that tells who started us, if that is systemd (or says that it is)."""
        given = environment.get("NOTIFY_SOCKET", "")
        address = "\0" + given[1:] if given.startswith("@") else given
        return cls(address if given.startswith(("/", "@")) else None, monotonic)

    def ready(self) -> None:
        """Say that the start is over."""
        self._tell("READY=1")

    def feed(self, status: str) -> None:
        """Say that the loop comes round; ``status`` is what ``systemctl status`` shows, in one line."""
        now_s = self._monotonic()
        if status != self._status:
            self._tell(f"STATUS={' '.join(status.split())}")
            self._status = status
        if now_s - self._fed_s >= WATCHDOG_EVERY_S:
            self._tell("WATCHDOG=1")
            self._fed_s = now_s

    def stopping(self) -> None:
        """Say that the server ends."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def _tell(self, what: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto(what.encode(), self._address)
        except OSError as error:
            if self._is_heard:
                log.warning("systemd cannot be told how the server is", error=str(error))
            self._is_heard = False
        else:
            self._is_heard = True
