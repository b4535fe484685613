"""Three servers on one topic and one store, killed and frozen at random: one journal, every alert, in time."""

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.entry import Entry
from snews_cs.streams.alerts import ReceivedAlert
from tests.crash.traffic import Traffic
from tests.e2e.conftest import Surroundings, new_system
from tests.support.hand import Hand, Place
from tests.support.readers import Told, check_belief, check_told, count_repeats
from tests.support.server import PATIENCE_S, READY, ServerProcess
from tests.support.subscriber import Subscriber
from tests.support.system import System
from tests.support.truth import alerts_of, check_journal

PARTITIONS = 4
MESSAGES = int(os.environ.get("MESSAGES", "400"))
"""How many messages come; 2,000 for the figures in docs/sites.md."""

PER_S = {"sqlite": 50, "mongodb": 15}
"""How many a second: FerretDB is asked by three servers at once, on the same two cores."""
KILL_EVERY_S = (4.0, 6.0)
"""A server that is killed leaves its alerts to the others, who wait 2 s before they take them over."""

FROZEN_S = 10.0
"""Long enough for others to take over, short enough for a broker to keep its connections: a sleeper, not a dead one."""


class Servers:
    """Three servers, one of which is away at a time."""

    def __init__(self, system: System, rng: random.Random) -> None:
        self.deaths = 0
        self._system = system
        self._rng = rng
        self._running: dict[str, ServerProcess] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Servers":
        for name in ("north", "south", "east"):
            self._start(name).wait_for(READY)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.calm_down()
        for server in self._running.values():
            server.__exit__(None, None, None)

    def calm_down(self) -> None:
        """Let all of them live from now on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def stop(self) -> list[int]:
        """Tell all to stop, and return their exit codes."""
        return [server.stop() for server in self._running.values()]

    def _start(self, name: str) -> ServerProcess:
        self._running[name] = self._system.start({"SERVER_TAG": name}, wait=False)
        return self._running[name]

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._stop.wait(self._rng.uniform(*KILL_EVERY_S)):
                return
            name = self._rng.choice(list(self._running))
            self.deaths += 1
            if number % 4 == 2:
                with _frozen(self._running[name]):
                    time.sleep(FROZEN_S)
            else:
                self._running[name].kill()
                time.sleep(self._rng.uniform(0, 2))
                self._start(name)


@contextmanager
def _frozen(server: ServerProcess) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def waits_s(entries: list[Entry], received: list[ReceivedAlert]) -> list[float]:
    """Return for each alert how long it took from its last message's Kafka timestamp to a subscriber, s, sorted."""
    first: dict[str, float] = {}
    for alert in received:
        first.setdefault(alert.content["alert_uuid"], alert.arrived_unix_ns / 1e9)
    return sorted(
        first[alert.alert_uuid] - entry.raw.timestamp_ms / 1e3
        for entry in entries
        for alert in alerts_of([entry])
        if alert.alert_uuid in first and entry.raw.partition >= 0
    )


@pytest.mark.timeout(120 + MESSAGES)
def test_three_servers(surroundings: Surroundings, tmp_path: Path, rng: random.Random, seed: int) -> None:
    print(f"seed {seed}")
    traffic = Traffic(rng)
    with ExitStack() as stack:
        system = stack.enter_context(new_system(surroundings, tmp_path, partitions=PARTITIONS))
        subscriber = stack.enter_context(Subscriber(system.topics["alert"]))
        servers = stack.enter_context(Servers(system, rng))
        hand = Hand(system.topics["experiments"])
        for _ in range(MESSAGES):
            hand.write(traffic.message(), partition=rng.randrange(PARTITIONS))
            time.sleep(rng.expovariate(PER_S[surroundings.store]))
        hand.flush()
        servers.calm_down()
        wait_until(lambda: len(system.journal()) > MESSAGES)
        wait_until(lambda: not system.unpublished())
        journal = system.journal()
        subscriber.wait_for({alert.alert_uuid for alert in alerts_of(journal)})
        assert servers.stop() == [0, 0, 0]
        tests = [
            alert for alert in system.alerts(len(alerts_of(journal, tests=True)), "testing") if "event_id" in alert
        ]
    engine = check_journal(journal)
    assert {Place(each.raw.partition, each.raw.offset) for each in journal if each.raw.partition >= 0} == hand.written
    told = Told([alert.content for alert in subscriber.received], tests)
    check_told(journal, told)
    check_belief(journal, engine, told)
    repeats = count_repeats(told)
    waited = waits_s(journal, subscriber.received)
    writers = {entry.writer for entry in journal}
    alone = sum(alert["degraded"] for alert in told.alerts)
    print(f"{MESSAGES} messages, {servers.deaths} deaths and sleeps; entries by {sorted(writers)}")
    print(f"{len(waited)} alerts, {repeats} repeats, {alone} sent alone")
    print(f"from a message to its alert: median {waited[len(waited) // 2]:.3f} s, longest {waited[-1]:.3f} s")
    assert writers == {"north", "south", "east"}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what must come, in a store that is asked much at once."""
    end = time.monotonic() + 3 * PATIENCE_S
    while True:
        with suppress(StoreUnreachable):
            if condition():
                return
        assert time.monotonic() < end
        time.sleep(0.5)
