"""Servers that die one after the other on one store and one topic, and what must be true afterwards."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any, TypeVar

from snews_cs.coincidence.engine import Engine
from snews_cs.fault_points import VARIABLE
from snews_cs.server.snapshots import SNAPSHOT_AFTER
from snews_cs.storage.entry import Entry
from tests.crash.traffic import EARLIEST_S, Traffic
from tests.support.hand import Hand, Place
from tests.support.readers import Told, check_belief, check_told, count_repeats
from tests.support.server import PATIENCE_S, READY, SNEWS_CS, ServerProcess
from tests.support.system import System, observation
from tests.support.truth import alerts_of, check_alerts, check_journal, check_projections

T = TypeVar("T")

PARTITIONS = 3
ONCE = {"restore", "tail", "look-up", "snapshot", "spool-snapshot", "spool-empty", "reconcile", "claim"}
"""Steps that a server takes once in a while."""

ALONE = {"spool", "spool-mark", "publish"}
"""Steps that a server takes while its store is away."""

TAKEN_IN = {"observation", "retraction", "backlog"}
"""What the log says of messages that were taken in."""

LATEST_CALL = 5
PAUSE_S = 0.5
"""Between bursts, s: some housekeeping is done only when nothing comes."""

LONGEST_S = 90.0
"""How long a chain waits for what must come, whatever was left to do; a bound against hanging."""

BURST = 12
"""How many messages arrive shortly after each other."""


class Chain:
    """One store and one topic, and the servers that die on them while detectors go on.

    Attributes
    ----------
    deaths
        How many servers were killed or frozen.
    """

    def __init__(self, system: System, rng: Random) -> None:
        self.system = system
        self.deaths = 0
        self._rng = rng
        self._traffic = Traffic(rng)
        self._hand = Hand(system.topics["experiments"])

    def suffer(self, deed: str, point: str) -> None:
        """Let a server run until it dies at a point of its work."""
        server = self._doomed(deed, point)
        self._see_it_die(server, deed)

    def freeze(self, point: str) -> None:
        """Let a server freeze at a point of its work, another go on without it, and the first one wake up."""
        with self._doomed("stop", point) as frozen:
            self._go_on_until(frozen, lambda: _is_frozen(frozen, PAUSE_S))
            with self.system.start({"SERVER_TAG": "another"}) as other:
                self._burst()
                self._settle(other)
                os.kill(frozen.pid, signal.SIGCONT)
                self._burst()
                self._settle(other)
                assert other.stop() == 0
            assert frozen.stop() == 0
        _look_at_log(frozen)
        _look_at_log(other)
        self.deaths += 1

    def suffer_alone(self, deed: str, point: str, *, at_start: bool) -> None:
        """Let a server lose the store, and die at a point of its work, alone or back again.

        Parameters
        ----------
        at_start
            Whether the store is away when it starts.
        """
        if point.endswith("reconcile"):
            self._forget()
        with ExitStack() as stack:
            if at_start:
                stack.enter_context(_away(self.system.store))
                self._say("IceCube", "KamLAND")  # where JUNO and LVD were, if the server does not remember them
            server = self._doomed(deed, point, 1)
            if not at_start:
                server.wait_for(READY)
                stack.enter_context(_away(self.system.store))
            is_back = point.split()[1] not in ALONE
            self._go_on_until(server, lambda: (is_back and _has_taken_alone(server)) or server.exit_code(PAUSE_S))
        self._see_it_die(server, deed)

    def _forget(self) -> None:
        """Let a server find a new disk in place of the one with its spool, which is empty, and not know what stands."""
        self._say("JUNO", "LVD")
        self.finish()
        rmtree(self.system.directory / "spool")

    def finish(self) -> None:
        """Let a server do all that is left, and stop it."""
        with self.system.start() as server:
            self._settle(server)
            assert server.stop() == 0
        _look_at_log(server)

    def check(self) -> None:
        """Finish, and hold the journal, the topics and the projections to what was written and to each other."""
        self.finish()
        entries = self.system.journal()
        engine = check_journal(entries)
        assert self._journaled() == self._hand.written
        assert all(entry.published for entry in entries)
        check_projections(self.system.database, entries, self.system.directory / "fresh.sqlite")
        replayed = subprocess.run(
            [str(SNEWS_CS), "replay"],
            env={**os.environ, "DATABASE_SERVER": self.system.database},
            capture_output=True,
            text=True,
            check=False,
        )
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        repeats = self._check_topics(entries, engine)
        assert repeats <= self.deaths
        print(f"{self.deaths} deaths; {len(self._hand.written)} messages; {repeats} repeats; {replayed.stdout.strip()}")

    def _check_topics(self, entries: list[Entry], engine: Engine) -> int:
        """Hold what readers saw to the journal, and return how many alerts were repeated."""
        told = Told(self._alerts(entries, "alert", tests=False), self._alerts(entries, "testing", tests=True))
        check_told(entries, told)
        check_belief(entries, engine, told)
        return count_repeats(told)

    def _alerts(self, entries: list[Entry], topic: str, *, tests: bool) -> list[dict[str, Any]]:
        """Return what is on a topic, and hold it to the journal if no server was alone."""
        found = self.system.alerts(len(alerts_of(entries, tests=tests)), topic)
        alerts = [each for each in found if "alert_uuid" in each]  # the others are answers
        if not any(each["degraded"] for each in alerts):
            check_alerts(entries, alerts, tests=tests)
        return alerts

    def _burst(self) -> None:
        """Let messages arrive, one after the other."""
        for _ in range(BURST):
            self._hand.write(self._traffic.message(), partition=self._rng.randrange(PARTITIONS))
            self._hand.flush()

    def _say(self, *detectors: str) -> None:
        """Let detectors see something at one time, which is another after each death."""
        for detector in detectors:
            seen = observation(detector, EARLIEST_S - 60 * (self.deaths + 1))
            self._hand.write(json.dumps(seen).encode())
        self._hand.flush()

    def _doomed(self, deed: str, point: str, call: int | None = None) -> ServerProcess:
        """Start a server to which something will happen at a point of its work, when it gets there the nth time."""
        step = point.split()[1]
        if step == "tail":  # looked at only if alerts may be on it unmarked
            self.suffer("kill", "before mark")
        if step == "snapshot":
            for _ in range(SNAPSHOT_AFTER):
                self._hand.write(self._traffic.heartbeat())
        if call is None:
            call = 1 if step in ONCE else self._rng.randint(1, LATEST_CALL)
        self._burst()
        return self.system.start({VARIABLE: f"{deed} {point} {call}"}, wait=False)

    def _see_it_die(self, server: ServerProcess, deed: str) -> None:
        code = self._go_on_until(server, lambda: server.exit_code(PAUSE_S))
        assert code == (-signal.SIGKILL if deed == "kill" else 0), server.log_text()
        _look_at_log(server)
        self.deaths += deed == "kill"

    def _go_on_until(self, server: ServerProcess, happened: Callable[[], T | None]) -> T:
        """Let messages arrive until something has happened to a server."""
        end = time.monotonic() + LONGEST_S
        while (found := happened()) is None:
            assert time.monotonic() < end, f"{self.deaths} deaths, and it never came to that:\n{server.log_text()}"
            self._burst()
        return found

    def _settle(self, server: ServerProcess) -> None:
        """Wait until all messages are in the journal, and all alerts marked, by this server or another."""
        end = time.monotonic() + LONGEST_S
        while (missing := self._hand.written - self._journaled()) or self.system.unpublished():
            assert time.monotonic() < end, f"{len(missing)} not journaled, or alerts not marked:\n{server.log_text()}"
            time.sleep(0.1)

    def _journaled(self) -> set[Place]:
        entries = [entry for entry in self.system.journal() if entry.raw.partition >= 0]
        return {Place(entry.raw.partition, entry.raw.offset) for entry in entries}


@contextmanager
def _away(store: Path) -> Iterator[None]:
    """Hold a SQLite store so that nobody can write to it."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=PATIENCE_S)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


def _has_taken_alone(server: ServerProcess) -> bool | None:
    """Return True if a server without its store has taken in a message, None if not."""
    said = [str(record["event"]).partition(":")[0] for record in server.log]
    return ("DEGRADED" in said and not TAKEN_IN.isdisjoint(said[said.index("DEGRADED") :])) or None


def _look_at_log(server: ServerProcess) -> None:
    assert not [record for record in server.log if record.get("level") == "critical"], server.log_text()


def _is_frozen(server: ServerProcess, within_s: float) -> bool | None:
    """Return True as soon as a server is stopped by a signal, None if it is not by then."""
    end = time.monotonic() + within_s
    while os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            return None
        time.sleep(0.01)
    return True
