"""Who was told of what: so that of all the processes that tell people, at all sites, one does each thing, once."""

import time
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

import structlog

from snews_cs.errors import StorageError
from snews_cs.storage.notes import Notes

log = structlog.get_logger(__name__)

ABANDONED_AFTER_S = 60.0
"""What another process has begun and not done for so long, it will not do any more."""

STORE_PATIENCE_S = 10.0
"""How long to wait for a store that is away before people are told all the same: rather twice than never."""

_MOST_KNOWN = 10_000


class Claim(Enum):
    """Whether a delivery is ours to make."""

    MINE = auto()
    """Nobody else makes it. Ask again before each attempt: who takes too long loses it."""
    OTHERS = auto()
    """Another process is at it, or the store does not say: ask again soon."""
    DONE = auto()
    """It was made."""


class _Watched(NamedTuple):
    """The last turn that was seen of a delivery, and since when (monotonic, s)."""

    turn: int
    since: float


class Deliveries:
    """What was delivered, is being delivered, and by whom, in :class:`snews_cs.storage.notes.Notes`.

    A delivery is one thing to be done once, known by its name: an alert in a channel, a mail to an address. Before it
    is made, a turn is taken: a note that one process only can write. Another process respects that until it reads that
    the delivery was left, or has seen no new turn for :data:`ABANDONED_AFTER_S` on its own monotonic clock; then it
    takes the next turn. When the delivery is made, a receipt is written. So each is made once; once more only if who
    made it was killed, or lost the answer, before the receipt.

    While the notes cannot be had, deliveries are made after :data:`STORE_PATIENCE_S` without: then several sites may
    make the same one. What is to be noted is kept in memory until it can be.

    Parameters
    ----------
    notes
        Shared by all processes that must not do the same twice.
    holder
        This process; no other one, past or present, has that name.
    monotonic
        A monotonic clock, s.
    """

    def __init__(self, notes: Notes, *, holder: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._notes = notes
        self._holder = holder
        self._monotonic = monotonic
        self._known: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}
        self._held: dict[str, int] = {}
        self._watched: dict[str, _Watched] = {}
        self._away_since: float | None = None

    def began_unix_ms(self, recipient: str, topic: str, now_unix_ms: int) -> int:
        """Return when alerts of that topic were first to be told to that recipient (POSIX time, ms): now, if never.

        Raises
        ------
        StorageError
            If the notes cannot be had.
        """
        name = f"began/{recipient}/{topic}"
        self._notes.add(name, str(now_unix_ms))
        return int(self._notes.get(name) or now_unix_ms)

    def claim(self, delivery: str) -> Claim:
        """Say whether that delivery is to be made here and now."""
        if f"receipt/{delivery}" in self._known:
            return Claim.DONE
        try:
            claim = self._claimed(delivery)
        except StorageError as error:
            return self._without_notes(error)
        if self._away_since is not None:
            log.info("what was told is noted again")
            self._away_since = None
        if claim is not Claim.OTHERS:
            self._watched.pop(delivery, None)
        return claim

    def done(self, delivery: str, receipt: str) -> None:
        """Note that a delivery was made, and what came of it."""
        self._held.pop(delivery, None)
        self.remember(f"receipt/{delivery}", receipt)

    def leave(self) -> None:
        """Let others make at once what was claimed here and not done; call it before the end."""
        try:
            for delivery, turn in self._held.items():
                self._notes.add(_left(delivery, turn), self._holder)
        except StorageError as error:
            log.warning("what was not told could not be left to others", error=str(error))
        self._held.clear()

    def remember(self, name: str, text: str) -> None:
        """Note something that happened, for good; of several texts of one name the first one counts."""
        self._know(name, text)
        self._unwritten[name] = text
        try:
            self._write()
        except StorageError as error:
            log.warning("what was told could not be noted now", error=str(error))

    def recall(self, name: str) -> str | None:
        """Return what was remembered under that name, by whatever process; None if nothing was.

        Raises
        ------
        StorageError
            If the notes cannot be had.
        """
        return self._known[name] if name in self._known else self._notes.get(name)

    def _claimed(self, delivery: str) -> Claim:
        self._write()
        if self._notes.get(f"receipt/{delivery}") is not None:
            return Claim.DONE
        watched = self._watched.get(delivery)
        last, holder = self._last_turn(delivery, watched.turn if watched else 0)
        if holder == self._holder:
            self._held[delivery] = last
            return Claim.MINE
        self._held.pop(delivery, None)
        if last > 0 and not self._is_abandoned(delivery, last):
            return Claim.OTHERS
        if not self._notes.add(_turn(delivery, last + 1), self._holder):
            return Claim.OTHERS
        self._held[delivery] = last + 1
        return Claim.MINE

    def _is_abandoned(self, delivery: str, turn: int) -> bool:
        now = self._monotonic()
        watched = self._watched.get(delivery)
        if watched is None or watched.turn != turn:
            watched = self._watched[delivery] = _Watched(turn, now)
        if self._notes.get(_left(delivery, turn)) is not None:
            return True
        if now - watched.since < ABANDONED_AFTER_S:
            return False
        log.warning("another process did not finish telling people: taking over", delivery=delivery)
        return True

    def _last_turn(self, delivery: str, known: int) -> tuple[int, str | None]:
        """Return the number of the last turn that was taken (0: none), and who took it."""
        last, holder = known, self._notes.get(_turn(delivery, known)) if known else None
        while (later := self._notes.get(_turn(delivery, last + 1))) is not None:
            last, holder = last + 1, later
        return last, holder

    def _without_notes(self, error: StorageError) -> Claim:
        now = self._monotonic()
        if self._away_since is None:
            self._away_since = now
            log.warning("what was told already cannot be looked up now", error=str(error))
        if now - self._away_since < STORE_PATIENCE_S:
            return Claim.OTHERS
        log.warning("telling people without knowing whether others do")
        return Claim.MINE

    def _write(self) -> None:
        for name, text in list(self._unwritten.items()):
            if not self._notes.add(name, text) and self._notes.get(name) != text:
                self._known.pop(name, None)  # another was first: what it noted counts
            del self._unwritten[name]

    def _know(self, name: str, text: str) -> None:
        self._known[name] = text
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]


def _turn(delivery: str, number: int) -> str:
    return f"turn {number}/{delivery}"


def _left(delivery: str, turn: int) -> str:
    return f"left {turn}/{delivery}"
