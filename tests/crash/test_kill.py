"""``kill -9`` at random moments: nothing lost, nothing decided twice."""

import random
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.server import PATIENCE_S
from tests.support.system import System, observation
from tests.support.truth import check_alerts, check_journal, check_projections

KILLS = 15
TAKEN_IN = ("observation", "retraction", "backlog")
"""What the log says when messages have been journaled."""

DETECTORS = ("JUNO", "XENONnT", "LVD", "IceCube", "KamLAND")


class Detectors:
    """Detectors that publish, near each other in time and with second thoughts, until told to stop."""

    def __init__(self, system: System, rng: random.Random) -> None:
        self.sent = 0
        self._system = system
        self._rng = rng
        self._uuids: list[tuple[str, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Detectors":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._rng.expovariate(50)):
            self._system.publish(self._message())
            self.sent += 1

    def _message(self) -> dict[str, Any]:
        rng = self._rng
        detector, uuid = rng.choice(DETECTORS), str(UUID(int=rng.getrandbits(128), version=4))
        retraction = {"tier": "Retraction", "uuid": uuid, "retraction_reason": "test"}
        kind = rng.random()
        if kind < 0.15 and self._uuids:
            name, target = rng.choice(self._uuids)
            return {**retraction, "detector_name": name, "retract_message_uuid": target}
        if kind < 0.2:
            return {**retraction, "detector_name": detector, "retract_latest_n": rng.randint(1, 3)}
        if kind < 0.25:
            return {"tier": "Heartbeat", "uuid": uuid, "detector_name": detector, "detector_status": "ON"}
        self._uuids.append((detector, uuid))
        return observation(detector, rng.randrange(240) / 2, uuid=uuid, tier="CoincidenceTier")


@pytest.mark.timeout(600)
def test_killed_at_random_moments(system: System, rng: random.Random, seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    at_work = unmarked = 0
    with Detectors(system, rng) as detectors:
        for number in range(KILLS):
            server = system.start(wait=False)
            if number % 5 == 0:
                time.sleep(rng.uniform(0.2, 1.2))  # while it starts
            else:
                server.wait_for("", lambda record: record["event"] in TAKEN_IN)
                time.sleep(rng.uniform(0, 0.2))  # while it catches up, or takes one message after the other
            server.kill()
            at_work += any(record["event"] in TAKEN_IN for record in server.log)
            unmarked += any(record.get("unpublished") for record in server.log)
    server = system.start()
    end = time.monotonic() + PATIENCE_S
    while len(messages := [each for each in system.journal() if each.raw.partition >= 0]) < detectors.sent:
        assert time.monotonic() < end, f"{len(messages)} of {detectors.sent} messages are in the journal"
        time.sleep(0.1)
    assert server.stop() == 0
    entries = system.journal()
    check_journal(entries)
    assert {entry.raw.offset for entry in entries if entry.raw.partition >= 0} == set(range(detectors.sent))
    alerts = [alert for entry in entries if entry.outcome for alert in entry.outcome.alerts]
    repeats = check_alerts(entries, system.alerts(len(alerts)))
    check_projections(system.database, entries, tmp_path / "fresh.sqlite")
    print(f"{at_work} of {KILLS} kills hit a server at work, {unmarked} left alerts unmarked")
    print(f"{detectors.sent} messages, {len(alerts)} alerts, {repeats} of them repeated")
    assert at_work >= KILLS / 2
    assert len(alerts) > KILLS
    assert repeats <= KILLS
    assert all(entry.published for entry in entries)
