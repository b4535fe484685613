"""End to end: the installed command against a broker in another process."""

from tests.support.broker import broker
from tests.support.system import system

__all__ = ["broker", "system"]
