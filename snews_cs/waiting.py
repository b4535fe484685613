"""Waiting: longer after each failure, and never longer than a wish to stop."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue


class StopRequest:
    """A wish to stop. Making it is safe in signal handlers and threads; it ends all waits, present and future.

    (:meth:`threading.Event.set` is not: a handler that runs while its own thread is inside the event's lock hangs.)
    """

    def __init__(self) -> None:
        self._made = False
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._then: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        """Whether the wish was made."""
        return self._made

    def make(self) -> None:
        """Wish to stop."""
        self._made = True
        self._bell.put(None)
        for action in self._then:
            action()

    def then(self, action: Callable[[], None]) -> None:
        """Do this when the wish is made, or now if it was; it must be safe in a signal handler, and to do twice."""
        self._then.append(action)
        if self._made:
            action()

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until the wish is made; return whether it was."""
        if not self._made:
            try:
                self._bell.get(timeout=seconds)
            except Empty:
                return self._made
            self._bell.put(None)  # for whoever else waits
        return True


class Backoff:
    """How long to wait before each attempt: doubling from ``first`` to ``longest``.

    The waits begin anew after a success that lasted longer than the wait that would come next.

    Parameters
    ----------
    first, longest
        Shortest and longest wait, s.
    clock
        A monotonic clock, s.
    """

    def __init__(
        self, first: float = 0.1, longest: float = 10.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._longest = longest
        self._clock = clock
        self._next = first
        self._succeeded: float | None = None

    def success(self) -> None:
        """Note a success."""
        self._succeeded = self._clock()

    def failure(self) -> float:
        """Note a failure, and return how long to wait before the next attempt, s."""
        if self._succeeded is not None and self._clock() - self._succeeded > self._next:
            self._next = self._first
        self._succeeded = None
        delay = self._next
        self._next = min(2 * delay, self._longest)
        return delay
