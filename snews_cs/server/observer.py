"""Whoever watches the server: what the loop tells them, and nobody, who is told when there is no monitor."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry


class Standing(NamedTuple):
    """How things stand after a round of the loop.

    Parameters
    ----------
    sequence
        Length of the journal.
    unpublished, unpublished_since_ns
        How many alerts are not acknowledged by the broker, and when the message of the eldest was received.
    spooled, spooled_since_ns
        The same of the messages that are in the local spool, but not in the journal yet.
    degraded
        Why the server decides alone; None if it does not.
    """

    sequence: int
    unpublished: int = 0
    unpublished_since_ns: Nanoseconds | None = None
    spooled: int = 0
    spooled_since_ns: Nanoseconds | None = None
    degraded: str | None = None


class Observer(Protocol):
    """Is told, by the thread of the loop, what happens. It neither fails nor waits nor changes anything."""

    def opening(self) -> None:
        """Be told, again and again, that the journal is being opened, and nothing else done until it is."""

    def ready(self) -> None:
        """Be told that the journal is restored, and that messages are taken in from now on."""

    def round_done(self, standing: Standing, engine: Engine) -> None:
        """Be told that the loop came round; the engine may be looked at before this returns, not later."""

    def journaled(self, entries: Sequence[Entry]) -> None:
        """Be told that messages were taken in: their entries, of this server's making, are durable now."""

    def acknowledged(self, entry: Entry, alert: Alert) -> None:
        """Be told that the broker has acknowledged an alert of this entry."""

    def stopping(self) -> None:
        """Be told that the loop has ended."""


class Observers:
    """Several who are told, one after the other."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def opening(self) -> None:
        """Tell that the journal is being opened."""
        for each in self._observers:
            each.opening()

    def ready(self) -> None:
        """Tell that the journal is restored."""
        for each in self._observers:
            each.ready()

    def round_done(self, standing: Standing, engine: Engine) -> None:
        """Tell that the loop came round."""
        for each in self._observers:
            each.round_done(standing, engine)

    def journaled(self, entries: Sequence[Entry]) -> None:
        """Tell that messages were taken in."""
        for each in self._observers:
            each.journaled(entries)

    def acknowledged(self, entry: Entry, alert: Alert) -> None:
        """Tell that the broker has acknowledged an alert."""
        for each in self._observers:
            each.acknowledged(entry, alert)

    def stopping(self) -> None:
        """Tell that the loop has ended."""
        for each in self._observers:
            each.stopping()


class Nobody:
    """Watches nothing."""

    def opening(self) -> None:
        """Do nothing."""

    def ready(self) -> None:
        """Do nothing."""

    def round_done(self, standing: Standing, engine: Engine) -> None:
        """Do nothing."""

    def journaled(self, entries: Sequence[Entry]) -> None:
        """Do nothing."""

    def acknowledged(self, entry: Entry, alert: Alert) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""
