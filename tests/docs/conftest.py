"""What the pages' examples are tried on."""

from tests.support.broker import broker
from tests.support.system import system

__all__ = ["broker", "system"]
