"""The installed server, killed."""

from tests.support.broker import broker
from tests.support.system import system

__all__ = ["broker", "system"]
