"""Fixtures of the broker's tests."""

from tests.support.broker import broker, topic

__all__ = ["broker", "topic"]
