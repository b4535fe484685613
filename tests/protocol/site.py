"""A server of real parts on a simulated machine."""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import structlog

from snews_cs.messages.admission import AdmissionPolicy
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Parameters
from snews_cs.server import answers, loop, notices, opening, outbox, snapshots, spool
from snews_cs.server.observer import Nobody
from snews_cs.storage.entry import Entry
from snews_cs.waiting import Backoff, StopRequest
from tests.protocol.broker import ALERTS, TESTING, Broker, SimulatedPublisher, SimulatedStream
from tests.protocol.machine import Machine
from tests.protocol.store import Shelf, SimulatedStore
from tests.protocol.traffic import MUTED, PASSWORD
from tests.protocol.weather import Weather
from tests.protocol.world import SECOND, World

REGISTRY = Registry.load()
"""Who may speak."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """The modules that servers are built from: the real ones, or with one thing broken in them."""

    answers: ModuleType = answers
    loop: ModuleType = loop
    opening: ModuleType = opening
    notices: ModuleType = notices
    outbox: ModuleType = outbox
    snapshots: ModuleType = snapshots
    spool: ModuleType = spool


class SimulatedStop(StopRequest):
    """A wish to stop whose waits pass in simulated time."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def wait(self, seconds: float) -> bool:
        """Wait, or until the wish is made."""
        if not self:
            self._machine.rest(round(seconds * SECOND))
        return bool(self)


def serve(machine: Machine, room: Room, shelf: Shelf, spooled: Shelf, broker: Broker) -> None:
    """Do what ``run-coincidence`` does, until told to stop.

    Parameters
    ----------
    shelf, spooled
        What is in the store of all, and on the disk of this machine.
    """
    storage = SimulatedStore(machine, shelf)
    publisher = SimulatedPublisher(machine, broker)
    topics = room.outbox.AlertTopics(alerts=ALERTS, connection_test=TESTING)
    stop = SimulatedStop(machine)
    machine.stopping = stop.make
    is_muting = machine.weather.are_muting[machine.number]
    server = room.loop.CoincidenceServer(
        stream=SimulatedStream(machine, broker),
        storage=storage,
        spool=room.spool.Spool(SimulatedStore(machine, spooled, "disk")),
        outbox=room.outbox.Outbox(publisher, topics, storage, machine.tag, machine.monotonic, Nobody()),
        answers=room.answers.Answers(TESTING, broker.answers.extend, machine.monotonic),
        notices=room.notices.Notices("notices", broker.notices.extend, server_tag=machine.tag),
        server_tag=machine.tag,
        policy=AdmissionPolicy(
            registry=REGISTRY, muted=frozenset({MUTED} if is_muting else ()), admin_password=PASSWORD
        ),
        parameters=Parameters(expiration_ns=machine.weather.expiration_ns),
        now=machine.now,
        monotonic=machine.monotonic,
        observer=Nobody(),
    )
    machine.is_alone = lambda: bool(server._alone)
    machine.on_death = lambda: broker.forgotten.update(_events(server._spool._unwritten))
    server.run(stop)


def _events(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the events that alerts are about."""
    for entry in entries:
        for alert in entry.outcome.alerts if entry.outcome else ():
            yield from (alert.event_id, *alert.merged_event_ids)


@contextmanager
def simulated(world: World, machines: list[Machine], room: Room, weather: Weather) -> Iterator[None]:
    """Let chance, time, the log and some constants be those of the world, for all code of the servers."""
    by_actor = {machine.actor: machine for machine in machines}

    def monotonic() -> float:
        assert world.current is not None
        return by_actor[world.current].monotonic()

    def log(_: Any, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        assert world.current is not None
        world.note(world.current.name, f"[{level}] " + " ".join(f"{key}={value}" for key, value in line.items()))
        by_actor[world.current].is_amnesic |= line["event"] == "the local spool cannot be read"
        if level == "critical" and "spool" not in line["event"]:
            world.stop(AssertionError(f"an alarm of {world.current.name}: {line}"))
        raise structlog.DropEvent

    collector = SimpleNamespace(disable=_nothing, enable=_nothing, collect=_nothing, freeze=_nothing)
    before = structlog.get_config()
    with ExitStack() as stack:
        stack.enter_context(patch("os.urandom", world.random.randbytes))  # what uuid4 is made of
        stack.enter_context(patch.dict(Backoff.__init__.__kwdefaults__ or {}, clock=monotonic))
        stack.enter_context(patch.object(room.snapshots, "gc", collector))
        stack.enter_context(patch.object(room.snapshots, "SNAPSHOT_AFTER", weather.snapshot_after))
        stack.enter_context(patch.object(room.opening, "SPOOLED_AT_ONCE", weather.step))
        stack.enter_context(patch.object(room.loop, "FEW", (weather.step + 1) // 2))
        stack.enter_context(patch.object(room.loop, "OPEN_FOR_S", weather.opening_ns / SECOND))
        structlog.configure(processors=[structlog.processors.format_exc_info, log])
        try:
            yield
        finally:
            structlog.configure(**before)


def _nothing() -> None:
    """Do nothing."""
