"""Messages to measure with: test observations 20 s apart, so that every one of them stays live."""

from collections.abc import Iterator
from random import Random

from snews_cs.coincidence.engine import Engine
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Nanoseconds, Observation, Retraction

SECOND: Nanoseconds = 10**9
APART: Nanoseconds = 20 * SECOND
START: Nanoseconds = 1_800_000_000 * SECOND
DETECTORS = ("Super-K", "IceCube", "KM3NeT", "JUNO", "XENONnT", "SNO+", "LVD", "NOvA")


def observation(number: int, *, shift_ns: Nanoseconds = 0, uuid: str | None = None) -> Observation:
    """Return the test observation of that number, moved by ``shift_ns``."""
    return Observation(
        detector_name=DETECTORS[number % len(DETECTORS)],
        message_uuid=uuid or f"00000000-0000-4000-8000-{number:012d}",
        neutrino_time_ns=START + number * APART + shift_ns,
        p_value=0.1,
        is_test=True,
    )


def bursts(count: int, rng: Random) -> Iterator[Observation]:
    """Yield bursts, each seen by 20 detectors within 10 s, in the order that messages happen to come."""
    names = [detector.name for detector in Registry.load().detectors if detector.name != "TEST"]
    for number in range(count):
        begin = START + number * 5 * APART
        for name in rng.sample(names, len(names)):
            time_ns = begin + rng.randrange(10 * SECOND)
            yield Observation(
                detector_name=name, message_uuid=f"{number} {name}", neutrino_time_ns=time_ns, p_value=0.1, is_test=True
            )


def key(number: int) -> str:
    """Return a journal key of the usual length."""
    return f"snews.experiments-test/0/{number}/{number:032x}"


def filled_engine(live: int) -> Engine:
    """Return an engine with that many live observations."""
    engine = Engine()
    for number in range(live):
        engine.apply(observation(number), START + number, key(number))
        engine.settle()
    return engine


def mixed(live: int, count: int, rng: Random) -> Iterator[Observation | Retraction]:
    """Yield messages onto an engine with ``live`` observations: 70 % new ones, 20 % refinements, 10 % retractions."""
    for number in range(count):
        kind, old = rng.random(), rng.randrange(live)
        uuid = f"10000000-0000-4000-8000-{number:012d}"
        if kind < 0.7:
            yield observation(live + number, uuid=uuid)
        elif kind < 0.9:
            yield observation(old, shift_ns=rng.randrange(SECOND), uuid=uuid)
        else:
            target = f"00000000-0000-4000-8000-{old:012d}"
            name = DETECTORS[old % len(DETECTORS)]
            yield Retraction(detector_name=name, message_uuid=uuid, retract_message_uuid=target, is_test=True)
