"""One play: a seed, what follows from it, and whether all is well in the end."""

import random
from collections import Counter
from collections.abc import Sequence

from snews_cs.messages.types import Reconcile
from tests.protocol.broker import ALERTS, TESTING, Broker, Said
from tests.protocol.in_time import check_in_time
from tests.protocol.invariants import (
    alert_records,
    check_journal,
    check_notices,
    check_projected,
    check_readers,
    first_appearances,
)
from tests.protocol.machine import Machine
from tests.protocol.repeats import check_repeats, find_repeats
from tests.protocol.site import Room, serve, simulated
from tests.protocol.store import Shelf
from tests.protocol.traffic import Traffic
from tests.protocol.weather import Weather, forecast
from tests.protocol.world import SECOND, World

PATIENCE_NS = 90 * SECOND
"""How long after the last fault all must be done."""

QUIET_NS = 3 * SECOND
"""For how long nothing may be left to do, before that is believed."""


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

    def run(self) -> Counter[str]:
        """Let it happen, and count what happened.

        Raises
        ------
        AssertionError
            If anything is not as it must be.
        """
        self.machines += [
            Machine(self.world, self.weather, number, self._serve) for number in range(self.weather.servers)
        ]
        self.world.at(self.weather.calm_ns, self._look)
        with simulated(self.world, self.machines, self.room, self.weather):
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
        if any(machine.is_absent for machine in self.machines):
            return "a server"
        return None

    def _judge(self) -> Counter[str]:
        engine = check_journal(self.shelf, self.broker, self.room.snapshots.Engine)
        check_projected(self.shelf)
        check_readers(self.shelf, self.broker, engine)
        check_notices(self.shelf, self.broker)
        check_in_time(self.machines, self.broker, self.shelf)
        repeats = find_repeats(self.broker)
        check_repeats(repeats, self.shelf.entries, {machine.tag: machine.troubles for machine in self.machines})
        alerts = [record for topic in (ALERTS, TESTING) for record in alert_records(self.broker, topic)]
        return Counter(
            messages=sum(map(len, self.broker.records)),
            alerts=len(first_appearances(alerts)),
            repeats=len(repeats),
            alone=sum(record.content["degraded"] for record in alerts),
            reconciliations=sum(isinstance(entry.message, Reconcile) for entry in self.shelf.entries),
            claims=self.shelf.claimed,
            conflicts=self.shelf.conflicts,
            crashes=sum(machine.crashes for machine in self.machines),
            freezes=sum(machine.freezes for machine in self.machines),
            seconds=self.world.now_ns // SECOND,
        )
