"""A server's machine: its clocks, and what may happen to it at each step."""

from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import Nanoseconds
from tests.protocol.weather import Blow, Link, Weather
from tests.protocol.world import MS, SECOND, Actor, Killed, World

Result = TypeVar("Result")

START: Nanoseconds = parse_utc("2026-11-21T12:30:00Z")
"""When every world begins, TAI ns."""

TIMEOUT_NS = 500 * MS
"""How long a server waits for the store's or the broker's answer."""

NOTICEABLE_NS = 400 * MS
"""Who does nothing for longer than this may find that others have done its work."""


class Machine:
    """What one server runs on. What is on its disk is kept by others; its memory ends with a crash.

    Parameters
    ----------
    world, weather
        Where it stands.
    number
        Which of the servers, from 0.
    life
        What runs on it; begun anew after each crash.

    Attributes
    ----------
    tag
        ``SERVER_TAG``.
    crashes, freezes
        How often it died, and how often it did nothing for a while.
    troubles
        From when to when it was in doubt, each time, what is done and what is not, true time.
    is_alone
        Asks its server whether it decides alone.
    is_amnesic
        Whether its server was started without the store, and could not read its spool.
    absent_ns
        From when to when it was dead or frozen, true time.
    unanswered_ns
        When it asked whom in vain, true time.
    alone_ns
        When it did something while its server was alone, true time.
    stopping
        Called to tell the server to stop.
    on_power_cut
        Called when the machine dies: what was not fsynced is lost.
    on_death
        Called when the server dies.
    """

    def __init__(self, world: World, weather: Weather, number: int, life: "Callable[[Machine], None]") -> None:
        self.world = world
        self.weather = weather
        self.number = number
        self.tag = f"site{number}"
        self.crashes = self.freezes = 0
        self.troubles: list[tuple[int, int]] = []
        self.is_alone: Callable[[], bool] = lambda: False
        self.is_amnesic = False
        self.absent_ns: list[tuple[int, int]] = []
        self.unanswered_ns: defaultdict[Link, list[int]] = defaultdict(list)
        self.alone_ns: list[int] = []
        self.stopping: Callable[[], None] = lambda: None
        self.on_power_cut: Callable[[], None] = lambda: None
        self.on_death: Callable[[], None] = lambda: None
        self._life = life
        self._down_ns: int | None = None
        self._blows = [blow for blow in weather.blows if blow.server == number]
        self._clock_ns = START + weather.clocks_ns[number]
        self._booted_ns = 0
        self.is_down = False
        self._alone_since_ns: int | None = None
        self.actor = Actor(world, self.tag, self._live)

    @property
    def is_absent(self) -> bool:
        """Whether it is dead or frozen."""
        return self.is_down or (bool(self.absent_ns) and self.absent_ns[-1][1] > self.world.now_ns)

    # Clocks

    def now(self) -> Nanoseconds:
        """Return what its clock shows, TAI ns."""
        return self._clock_ns + self.world.now_ns

    def monotonic(self) -> float:
        """Return the seconds since it was started."""
        return (self.world.now_ns - self._booted_ns) / SECOND

    # Steps

    def call(
        self,
        link: Link,
        what: str,
        effect: Callable[[], Result],
        error: type[Exception],
        *,
        late: Callable[[], object] | None = None,
    ) -> Result:
        """Ask the store or the broker for something.

        Parameters
        ----------
        link
            Whom.
        what
            What, for the trace.
        effect
            What it does.
        error
            What is raised when no answer comes.
        late
            What it does when it does it late; None: nothing is ever late (it changes nothing).
        """
        self.step(what)
        if self.weather.is_away(link, self.number, self.world.now_ns):
            raise self.no_answer(link, what, "away", error)
        if not self._fails(link):
            result = effect()
            self.step(f"{what}: done")
            return result
        chance = self.world.random
        if link == "disk" or chance.random() >= self.weather.in_doubt:
            raise self.no_answer(link, what, "not done", error)
        if late is not None and chance.random() < 0.3:
            self.world.at(self.world.now_ns + chance.randrange(2 * TIMEOUT_NS), late)
            raise self.no_answer(link, what, "done late", error)
        effect()
        raise self.no_answer(link, what, "done", error)

    def step(self, what: str) -> None:
        """Let a little time pass; the server may die here, freeze, or be told to stop."""
        chance, weather = self.world.random, self.weather
        if self.world.now_ns < weather.calm_ns and not self.is_down:
            roll = chance.random()
            for likely, happen in (
                (weather.crash, self._crash),
                (weather.power_cut, self._power_cut),
                (weather.freeze, self._freeze),
                (weather.stop, self._stop),
            ):
                if roll < likely:
                    happen(what)
                    break
                roll -= likely
            if self._blows and self.world.now_ns >= self._blows[0].time_ns and self._blows[0].step in what:
                self._strike(self._blows.pop(0), what)
        self.world.note(self.tag, what)
        if self.is_alone():
            self._alone_since_ns = self.world.now_ns if self._alone_since_ns is None else self._alone_since_ns
            self.alone_ns.append(self.world.now_ns)
        elif self._alone_since_ns is not None:
            self.troubles.append((self._alone_since_ns, self.world.now_ns))
            self._alone_since_ns = None
        self.rest(round(chance.expovariate(1 / MS)))

    def rest(self, duration_ns: int) -> None:
        """Let time pass; nothing happens to the server meanwhile."""
        if self.is_down:
            raise Killed
        self.actor.sleep(duration_ns)

    def no_answer(self, link: Link, what: str, why: str, error: type[Exception]) -> Exception:
        """Wait in vain; return what is to be raised."""
        self.unanswered_ns[link].append(self.world.now_ns)
        if link != "store":
            self._doubt(TIMEOUT_NS)
        self.rest(TIMEOUT_NS)
        self.world.note(self.tag, f"{what}: no answer ({why})")
        return error(f"no answer is played: {why}")

    def _fails(self, link: Link) -> bool:
        return self.world.now_ns < self.weather.calm_ns and self.world.random.random() < self.weather.faults.get(
            link, 0.0
        )

    # What happens to it

    def _crash(self, what: str) -> None:
        self.world.note(self.tag, f"{what}: KILLED")
        self.on_death()
        self.crashes += 1
        self.is_down = True
        raise Killed

    def _power_cut(self, what: str) -> None:
        self.on_power_cut()
        self._crash(f"{what}: power cut")

    def _strike(self, blow: Blow, what: str) -> None:
        if blow.kills:
            self._down_ns = blow.lasts_ns
            self._crash(what)
        else:
            self._freeze(what, blow.lasts_ns)

    def _freeze(self, what: str, duration_ns: int | None = None) -> None:
        if duration_ns is None:
            duration_ns = round(self.world.random.choice((1.0, 4.0, 12.0)) * self.world.random.random() * SECOND)
        self.world.note(self.tag, f"{what}: frozen for {duration_ns / SECOND:.3f} s")
        if duration_ns > NOTICEABLE_NS:
            self.freezes += 1
            self._doubt(duration_ns)
        self._away(duration_ns)
        self.world.note(self.tag, f"{what}: goes on")

    def _stop(self, what: str) -> None:
        self.world.note(self.tag, f"{what}: told to stop")
        self.stopping()

    def _doubt(self, duration_ns: int = 0) -> None:
        self.troubles.append((self.world.now_ns, self.world.now_ns + duration_ns))

    def _away(self, duration_ns: int) -> None:
        self.absent_ns.append((self.world.now_ns, self.world.now_ns + duration_ns))
        self.actor.sleep(duration_ns)

    def _live(self) -> None:
        while True:
            self._booted_ns = self.world.now_ns - self.world.random.randrange(100 * SECOND)
            self.is_down = self.is_amnesic = False
            self.world.note(self.tag, "starts")
            try:
                self._life(self)
            except Killed:
                if self.world.is_over:
                    raise
            self.is_down = True
            down_ns, self._down_ns = self._down_ns, None
            if down_ns is None:
                down_ns = round(self.world.random.choice((0.2, 2.0, 8.0)) * self.world.random.random() * SECOND)
            self._doubt(down_ns)
            self._away(down_ns)
