"""Simulated time, and threads of which exactly one runs: who goes on next follows from a seed alone.

A thread runs until it sleeps. Then whatever is due earliest goes on: another thread, or something that merely happens.
Nothing waits in real time.
"""

import heapq
import random
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import NamedTuple

MS = 1_000_000
"""A millisecond, ns."""

SECOND = 1_000 * MS
"""A second, ns."""


class Killed(BaseException):
    """The process is gone: its thread unwinds, and nothing of it has an effect any more."""


class Fact(NamedTuple):
    """A line of the trace."""

    now_ns: int
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.now_ns / SECOND:11.6f}  {self.who:<6} {self.what}"


class World:
    """Time, chance, and who is to go on when.

    Parameters
    ----------
    seed
        Determines everything.

    Attributes
    ----------
    random
        The world's one source of chance.
    now_ns
        The true time since the beginning, ns.
    trace
        What happened.
    is_over
        Whether it has ended: all that still runs unwinds.
    failure
        What ended it, if it did not end by itself.
    current
        The thread that runs, None outside of all.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ns = 0
        self.trace: list[Fact] = []
        self.is_over = False
        self.failure: BaseException | None = None
        self.current: Actor | None = None
        self._due: list[tuple[int, int, Actor | Callable[[], object]]] = []
        self._number = 0
        self._actors: list[Actor] = []
        self._ended = Event()

    def note(self, who: str, what: str) -> None:
        """Add a line to the trace."""
        self.trace.append(Fact(self.now_ns, who, what))

    def at(self, time_ns: int, what: "Actor | Callable[[], object]") -> None:
        """Let something happen, or somebody go on, at a time; what is to happen must not sleep."""
        self._number += 1
        heapq.heappush(self._due, (time_ns, self._number, what))

    def run(self) -> None:
        """Let time pass until somebody ends it, and raise what went wrong."""
        self.turn(None)
        self._ended.wait()
        for actor in self._actors:
            actor.unwind()
        if self.failure is not None:
            raise self.failure

    def stop(self, failure: BaseException | None = None) -> None:
        """End it."""
        if not self.is_over:
            self.is_over = True
            self.failure = failure

    def enter(self, actor: "Actor") -> None:
        """Let somebody take part; it begins at once."""
        self._actors.append(actor)
        self.at(self.now_ns, actor)

    def turn(self, actor: "Actor | None") -> None:
        """Let others go on; return when it is this one's turn again (None: at once)."""
        while not self.is_over:
            self.now_ns, _, what = heapq.heappop(self._due)
            if isinstance(what, Actor):
                if what is not actor:
                    self.current = what
                    what.baton.release()
                    break
                return
            self._happen(what)
        else:
            self._ended.set()
        if actor is not None:
            actor.baton.acquire()

    def _happen(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Exception as failure:  # noqa: BLE001 - it is not for the thread that happens to run; `run` raises it
            self.stop(failure)


class Actor:
    """A thread of the world.

    Parameters
    ----------
    world
        Its world.
    name
        Its name in the trace.
    life
        What it does.
    """

    def __init__(self, world: World, name: str, life: Callable[[], None]) -> None:
        self.world = world
        self.name = name
        self.baton = Lock()
        self.baton.acquire()
        self._life = life
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        world.enter(self)

    def sleep(self, duration_ns: int) -> None:
        """Let time pass, and others go on.

        Raises
        ------
        Killed
            If the world is over.
        """
        if not self.world.is_over:
            self.world.at(self.world.now_ns + duration_ns, self)
            self.world.turn(self)
        if self.world.is_over:
            raise Killed

    def unwind(self) -> None:
        """Let the thread end, after the world has."""
        if self._thread.is_alive():
            self.baton.release()
            self._thread.join()

    def _run(self) -> None:
        self.baton.acquire()
        try:
            if not self.world.is_over:
                self._life()
        except Killed:
            pass
        except BaseException as failure:  # noqa: BLE001 - `run` raises it
            self.world.stop(failure)
        self.world.turn(None)
