"""Killed or told to stop before and after every step: nothing lost, nothing decided twice.

All rounds are one chain: a server that was killed is started again to be killed at the next point, while detectors go
on. What they wrote, the journal and the topics are compared in the end.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from snews_cs.fault_points import STEPS, VARIABLE
from snews_cs.server.journal import SNAPSHOT_AFTER
from tests.crash.traffic import Traffic
from tests.support.broker import Broker
from tests.support.hand import Hand, Place
from tests.support.server import PATIENCE_S, SNEWS_CS, ServerProcess
from tests.support.system import System, observation
from tests.support.truth import alerts_of, check_alerts, check_journal, check_projections

T = TypeVar("T")

PARTITIONS = 3
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]
ONCE = {"restore", "tail", "snapshot"}
"""Steps that a server does once in a while."""

LATEST_CALL = 5
PAUSE_S = 0.5
"""Between bursts, s: some housekeeping is done only when nothing comes."""

BURST, MANY = 12, SNAPSHOT_AFTER
"""Messages that arrive shortly after each other, and heartbeats that make a snapshot due."""


@pytest.fixture
def system(broker: Broker, tmp_path: Path) -> Iterator[System]:
    """Give a server's surroundings, with several partitions."""
    with closing(System(broker, tmp_path, partitions=PARTITIONS)) as system:
        yield system


class Chain:
    """One store and one topic, and the servers that die on them."""

    def __init__(self, system: System, rng: random.Random) -> None:
        self.system = system
        self.deaths = 0
        self._rng = rng
        self._traffic = Traffic(rng)
        self.hand = Hand(system.topics["experiments"])

    def burst(self) -> None:
        """Let messages arrive, one after the other."""
        for _ in range(BURST):
            self.hand.write(self._traffic.message(), partition=self._rng.randrange(PARTITIONS))
            self.hand.flush()

    def suffer(self, deed: str, point: str) -> None:
        """Let a server run until it dies at a point of its work."""
        server = self._doomed(deed, point)
        code = self._go_on_until(server, lambda: server.exit_code(PAUSE_S))
        assert code == (-signal.SIGKILL if deed == "kill" else 0), server.log_text()
        self._look_at_log(server)
        self.deaths += deed == "kill"

    def freeze(self, point: str) -> None:
        """Let a server freeze at a point of its work, another go on without it, and the first one wake up."""
        with self._doomed("stop", point) as frozen:
            self._go_on_until(frozen, lambda: is_frozen(frozen, PAUSE_S))
            with self.system.start({"SERVER_TAG": "another"}) as other:
                self.burst()
                self._settle()
                os.kill(frozen.pid, signal.SIGCONT)
                self.burst()
                self._settle()
                assert other.stop() == 0
            assert frozen.stop() == 0
        self._look_at_log(frozen)
        self._look_at_log(other)
        self.deaths += 1

    def _doomed(self, deed: str, point: str) -> ServerProcess:
        """Start a server to which something will happen at a point of its work."""
        step = point.split()[1]
        if step == "tail":  # looked at only if alerts may be on it unmarked
            self.suffer("kill", "before mark")
        call = 1 if step in ONCE else self._rng.randint(1, LATEST_CALL)
        if step == "snapshot":
            for _ in range(MANY):
                self.hand.write(self._traffic.heartbeat())
        self.burst()
        return self.system.start({VARIABLE: f"{deed} {point} {call}"}, wait=False)

    def _go_on_until(self, server: ServerProcess, happened: Callable[[], T | None]) -> T:
        """Let messages arrive until something has happened to a server."""
        end = time.monotonic() + PATIENCE_S
        while (found := happened()) is None:
            assert time.monotonic() < end, f"it never came to that; the log:\n{server.log_text()}"
            self.burst()
        return found

    def _look_at_log(self, server: ServerProcess) -> None:
        assert not [record for record in server.log if record.get("level") == "critical"], server.log_text()

    def finish(self) -> None:
        """Let a server do all that is left, and stop it."""
        server = self.system.start()
        self._settle()
        assert server.stop() == 0

    def check(self, fresh: Path) -> None:
        """Hold the journal, the topics and the projections to what was written and to each other."""
        entries = self.system.journal()
        check_journal(entries)
        assert self._journaled() == self.hand.written
        assert all(entry.published for entry in entries)
        repeats = 0
        for topic, tests in (("alert", False), ("testing", True)):
            delivered = self.system.alerts(len(alerts_of(entries, tests=tests)), topic)
            alerts = [each for each in delivered if "alert_uuid" in each]  # the others are answers
            repeats += check_alerts(entries, alerts, tests=tests)
        assert repeats <= self.deaths
        check_projections(self.system.database, entries, fresh)
        replayed = subprocess.run(
            [str(SNEWS_CS), "replay"],
            env={**os.environ, "DATABASE_SERVER": self.system.database},
            capture_output=True,
            text=True,
            check=False,
        )
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        print(f"{self.deaths} killed; {len(self.hand.written)} messages; {repeats} repeats; {replayed.stdout.strip()}")

    def _settle(self) -> None:
        """Wait until all messages are in the journal, and all alerts marked."""
        end = time.monotonic() + PATIENCE_S
        while (missing := self.hand.written - self._journaled()) or self.system.unpublished():
            assert time.monotonic() < end, f"{len(missing)} messages are not in the journal, or alerts not published"
            time.sleep(0.1)

    def _journaled(self) -> set[Place]:
        entries = [entry for entry in self.system.journal() if entry.raw.partition >= 0]
        return {Place(entry.raw.partition, entry.raw.offset) for entry in entries}


@pytest.mark.parametrize("deed", ["kill", "term"])
@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=[pytest.mark.services, pytest.mark.timeout(1_800)])])
def test_every_step(system: System, rng: random.Random, seed: int, tmp_path: Path, deed: str, rounds: int) -> None:
    print(f"seed {seed}")
    chain = Chain(system, rng)
    points = POINTS * rounds
    rng.shuffle(points)
    for point in points:
        chain.suffer(deed, point)
    chain.finish()
    chain.check(tmp_path / "fresh.sqlite")


@pytest.mark.services
@pytest.mark.timeout(1_800)
def test_frozen_before_and_after_every_step(system: System, rng: random.Random, seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chain = Chain(system, rng)
    points = [point for point in POINTS if point.split()[1] not in ("restore", "tail")]
    rng.shuffle(points)
    for point in points:
        chain.freeze(point)
    chain.finish()
    chain.check(tmp_path / "fresh.sqlite")


def is_frozen(server: ServerProcess, within_s: float) -> bool | None:
    """Return True as soon as a server is stopped by a signal, None if it is not by then."""
    end = time.monotonic() + within_s
    while os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            return None
        time.sleep(0.01)
    return True


def test_the_same_members_twice_are_two_alerts(system: System, rng: random.Random) -> None:
    """{JUNO, LVD} +IceCube -IceCube +KamLAND -KamLAND, and a server dies of every message."""
    points = [f"{when} {step}" for step in ("append", "publish", "mark") for when in ("before", "after")]
    hand = Hand(system.topics["experiments"])
    for number, (messages, point) in enumerate(zip(STORY, rng.sample(points, len(STORY)), strict=True)):
        for message in messages:
            hand.write(json.dumps(message).encode())
            hand.flush()
        call = 2 if number == 0 and "append" in point else 1  # the parameters are appended first
        server = system.start({VARIABLE: f"kill {point} {call}"}, wait=False)
        assert server.exit_code() == -signal.SIGKILL, server.log_text()
    with system.start() as server:
        alerts = system.alerts(5)
    check_alerts(system.journal(), alerts)
    told = {alert["alert_uuid"]: (alert["alert_type"], alert["detector_names"]) for alert in alerts}
    both = ["JUNO", "LVD"]
    assert list(told.values()) == [
        ("INITIAL", both),
        ("UPDATE", [*both, "IceCube"]),
        ("UPDATE", both),
        ("UPDATE", [*both, "KamLAND"]),
        ("UPDATE", both),
    ]


STORY = (
    (observation("JUNO", 0), observation("LVD", 1)),
    (observation("IceCube", 2),),
    ({"tier": "Retraction", "detector_name": "IceCube", "retract_latest_n": 1},),
    (observation("KamLAND", 2),),
    ({"tier": "Retraction", "detector_name": "KamLAND", "retract_latest_n": 1},),
)
