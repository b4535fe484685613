"""Killed, told to stop or frozen before and after every step: nothing lost, nothing decided twice.

All rounds are one chain: a server that was killed is started again to be killed at the next point, while detectors go
on. What they wrote, the journal and the topics are compared in the end.
"""

import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from math import ceil
from pathlib import Path

import pytest

from snews_cs.fault_points import VARIABLE
from tests.crash.chain import PARTITIONS, Chain
from tests.support.broker import Broker
from tests.support.system import System, observation
from tests.support.truth import check_alerts

STEPS = ("restore", "tail", "read", "look-up", "append", "publish", "mark", "project", "commit", "snapshot")
ALONE = ("spool", "publish", "spool-mark", "append", "reconcile", "mark", "project", "commit")
ALONE_LATER = ("spool", "spool-mark", "spool-empty")
"""Steps of a server that starts without its store, and of one that loses it later."""

MANY = [int(rounds) for rounds in os.environ.get("ROUNDS", "").split()]
"""How often each point is tried when there is time: set ROUNDS for that."""

pytestmark = pytest.mark.timeout(300)
many_rounds = pytest.mark.parametrize(
    "rounds", [0.4, *(pytest.param(each, marks=[pytest.mark.services, pytest.mark.timeout(7_200)]) for each in MANY)]
)


def points(rng: random.Random, steps: Sequence[str], rounds: float) -> list[str]:
    """Return the points before and after each step so many times, in random order; a fraction of them for less."""
    once = [f"{when} {step}" for step in steps for when in ("before", "after")]
    return rng.sample(once * ceil(rounds), round(len(once) * rounds))


@pytest.fixture
def chain(broker: Broker, rng: random.Random, seed: int, tmp_path: Path) -> Iterator[Chain]:
    """Give servers on several partitions."""
    print(f"seed {seed}")
    with closing(System(broker, tmp_path, partitions=PARTITIONS)) as system:
        yield Chain(system, rng)


@many_rounds
@pytest.mark.parametrize("deed", ["kill", "term"])
def test_every_step(chain: Chain, rng: random.Random, deed: str, rounds: float) -> None:
    for point in points(rng, STEPS, rounds):
        chain.suffer(deed, point)
    chain.check()


@many_rounds
def test_every_step_without_the_store(chain: Chain, rng: random.Random, rounds: float) -> None:
    cases = [(point, True) for point in points(rng, ALONE, rounds)]
    cases += [(point, False) for point in points(rng, ALONE_LATER, rounds)]
    rng.shuffle(cases)
    for point, at_start in cases:
        chain.suffer_alone("kill", point, at_start=at_start)
    chain.check()


@pytest.mark.services
@pytest.mark.timeout(3_600)
def test_frozen_before_and_after_every_step(chain: Chain, rng: random.Random) -> None:
    for point in points(rng, STEPS[2:], 1):
        chain.freeze(point)
    chain.check()


def test_the_same_members_twice_are_two_alerts(system: System, rng: random.Random) -> None:
    """{JUNO, LVD} +IceCube -IceCube +KamLAND -KamLAND, and a server dies of every message."""
    points = [f"{when} {step}" for step in ("append", "publish", "mark") for when in ("before", "after")]
    for number, (messages, point) in enumerate(zip(STORY, rng.sample(points, len(STORY)), strict=True)):
        for message in messages:
            system.publish(message)
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
