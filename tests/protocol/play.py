"""One play: a seed, what follows from it, and whether all is well in the end."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.protocol.broker import Broker, Said
from tests.protocol.in_time import check_in_time
from tests.protocol.invariants import check_belief, check_journal, check_projected, check_topics, count_repeats
from tests.protocol.machine import Machine
from tests.protocol.site import Room, serve, simulated
from tests.protocol.store import Shelf
from tests.protocol.traffic import Traffic
from tests.protocol.weather import Weather, forecast
from tests.protocol.world import SECOND, World

PATIENCE_NS = 90 * SECOND
"""How long after the last fault all must be done."""

QUIET_NS = 3 * SECOND
"""For how long nothing may be left to do, before that is believed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened in a play that went well."""

    seed: int
    weather: Weather
    messages: int
    alerts: int
    repeats: int
    crashes: int
    freezes: int
    seconds: float


class Play:
    """Servers on one store and one broker, and what becomes of them.

    Parameters
    ----------
    seed
        Determines everything.
    room
        What the servers are built from.
    weather, said
        What happens, and what detectors say, if it is not left to chance.
    """

    def __init__(
        self, seed: int, room: Room | None = None, *, weather: Weather | None = None, said: Sequence[Said] | None = None
    ) -> None:
        self.seed = seed
        self.world = World(seed)
        self.room = room or Room()
        chance = random.Random(f"weather {seed}")
        self.weather = weather or forecast(chance)
        self.shelf = Shelf()
        self.spools = [Shelf() for _ in range(self.weather.servers)]
        self.broker = Broker(self.weather, said or Traffic(chance, self.weather).messages(), self.shelf)
        self.machines: list[Machine] = []
        self._quiet_since_ns: int | None = None

    def run(self) -> Report:
        """Let it happen.

        Raises
        ------
        AssertionError
            If anything is not as it must be.
        """
        self.machines += [
            Machine(self.world, self.weather, number, self._serve) for number in range(self.weather.servers)
        ]
        self.world.at(self.weather.calm_ns, self._look)
        with simulated(self.world, self.machines, self.room, snapshot_after=self.weather.snapshot_after):
            self.world.run()
        return self._judge()

    def _serve(self, machine: Machine) -> None:
        spool = self.spools[machine.number]
        machine.on_power_cut = lambda: spool.lose(self.world.random.randrange(10))
        serve(machine, self.room, self.shelf, spool, self.broker)

    def _look(self) -> None:
        """See whether anything is left to do; end the world when nothing is, or it takes too long."""
        now_ns, left = self.world.now_ns, self._left()
        if left:
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = now_ns
        elif now_ns - self._quiet_since_ns > QUIET_NS:
            self.world.stop()
        if now_ns > self.weather.calm_ns + PATIENCE_NS:
            self.world.stop(AssertionError(f"{left} is left to do for ever"))
        self.world.at(now_ns + SECOND // 4, self._look)

    def _left(self) -> str | None:
        """Return what is left to do, None if nothing is."""
        shelf, broker = self.shelf, self.broker
        if any(record.key not in shelf.keys for records in broker.records for record in records):
            return "a message"
        if shelf.claims:
            return "an alert"
        if shelf.projected < len(shelf.entries):
            return "a projection"
        if broker.committed != [len(records) for records in broker.records]:
            return "an offset"
        if any(spool.entries for spool in self.spools):
            return "a spool"
        if any(machine.is_down for machine in self.machines):
            return "a server"
        return None

    def _judge(self) -> Report:
        engine = check_journal(self.shelf, self.broker, self.room.journal.Engine)
        check_projected(self.shelf)
        check_topics(self.shelf, self.broker)
        check_belief(self.shelf, self.broker, engine)
        check_in_time(self.machines, self.broker, self.shelf)
        repeats = count_repeats(self.broker)
        troubles = sum(machine.crashes + machine.freezes + machine.in_doubt for machine in self.machines)
        assert repeats <= troubles, f"{repeats} repeats after {troubles} crashes, freezes and publications in doubt"
        return Report(
            seed=self.seed,
            weather=self.weather,
            messages=sum(map(len, self.broker.records)),
            alerts=sum(len(entry.alerts_json) for entry in self.shelf.entries),
            repeats=repeats,
            crashes=sum(machine.crashes for machine in self.machines),
            freezes=sum(machine.freezes for machine in self.machines),
            seconds=self.world.now_ns / SECOND,
        )
