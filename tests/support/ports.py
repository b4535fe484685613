"""Ports of this machine."""

import random
import socket
from contextlib import suppress

HOST = "127.0.0.1"

_given: set[int] = set()


def free_port() -> int:
    """Return a port that is free, and not one of those that the system gives away: it stays free for a restart."""
    choice = random.SystemRandom()
    while True:
        port = choice.randrange(16_384, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            if port not in _given:
                _given.add(port)
                return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
