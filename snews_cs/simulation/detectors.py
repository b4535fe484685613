"""Simulated detectors: heartbeats, false alarms at their rate, and a burst that reaches each in its own moment."""

import heapq
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.types import Heartbeat, Nanoseconds, Observation
from snews_cs.simulation.clients import Client
from snews_cs.simulation.cues import Cue
from snews_cs.simulation.sky import Direction, delay_ns, position, to_source

_WEEK_NS = 7 * 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Burst:
    """A supernova's neutrinos: when they pass the Earth's centre (ns after the start), and where they come from."""

    at_ns: Nanoseconds
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What detectors live through.

    Parameters
    ----------
    detectors
        Who watches.
    start_ns
        When it starts, TAI ns.
    duration_ns
        How long it lasts, ns; None: for ever.
    heartbeat_every_ns
        How often each detector says that it is alive, ns, the first time at the start; 0: never.
    rate_per_week
        Rate of false alarms of each detector, 1/week; None: each one's own, as registered.
    burst
        A burst, if there is one. Who is not on the ground cannot take part in it.
    client
        The program with which the detectors publish.
    is_test
        Whether all that they say is marked as a test.
    seed
        Decides everything that is random. What one detector says does not depend on who else watches.
    """

    detectors: Sequence[Detector]
    start_ns: Nanoseconds
    duration_ns: Nanoseconds | None = None
    heartbeat_every_ns: Nanoseconds = 60 * 10**9
    rate_per_week: float | None = None
    burst: Burst | None = None
    client: Client = "snews_pt-3.0"
    is_test: bool = False
    seed: int = 0

    def cues(self) -> Iterator[Cue]:
        """Yield what is sent, in order of time.

        Raises
        ------
        SettingsError
            If there is a burst, and no place is known for a detector.
        """
        arrivals = {} if self.burst is None else arrivals_ns(self.burst, self.detectors, self.start_ns)
        streams: list[Iterable[Cue]] = []
        for detector in self.detectors:
            rng = random.Random(f"{self.seed}/{detector.name}")  # noqa: S311  # nobody must not guess it
            streams.append(self._heartbeats(detector, random.Random(rng.random())))  # noqa: S311
            streams.append(self._false_alarms(detector, random.Random(rng.random())))  # noqa: S311
            if detector.name in arrivals:
                at_ns = arrivals[detector.name]
                streams.append([self._observation(detector, at_ns, 10 ** -rng.uniform(3, 9), rng)])
        for cue in heapq.merge(*streams, key=attrgetter("at_ns")):
            if self.duration_ns is not None and cue.at_ns > self.duration_ns:
                return
            yield cue

    def _heartbeats(self, detector: Detector, rng: random.Random) -> Iterator[Cue]:
        at_ns = 0
        while self.heartbeat_every_ns > 0:
            beat = Heartbeat(detector_name=detector.name, message_uuid=_uuid(rng), is_test=self.is_test, status="ON")
            yield Cue(at_ns=at_ns, said=beat, client=self.client)
            at_ns += self.heartbeat_every_ns

    def _false_alarms(self, detector: Detector, rng: random.Random) -> Iterator[Cue]:
        rate = detector.background_rate_per_week if self.rate_per_week is None else self.rate_per_week
        at_ns = 0
        while rate > 0:
            at_ns += math.ceil(rng.expovariate(rate) * _WEEK_NS)
            yield self._observation(detector, at_ns, rng.uniform(0.001, 0.1), rng)

    def _observation(self, detector: Detector, at_ns: Nanoseconds, p_value: float, rng: random.Random) -> Cue:
        said = Observation(
            detector_name=detector.name,
            message_uuid=_uuid(rng),
            is_test=self.is_test,
            neutrino_time_ns=self.start_ns + at_ns,
            p_value=float(f"{p_value:.2g}"),
        )
        return Cue(at_ns=at_ns, said=said, client=self.client)


def arrivals_ns(burst: Burst, detectors: Iterable[Detector], start_ns: Nanoseconds) -> dict[str, Nanoseconds]:
    """Return when a burst reaches each detector, ns after ``start_ns``.

    Raises
    ------
    SettingsError
        If no place is known for a detector.
    """
    source = to_source(burst.direction, start_ns + burst.at_ns)
    arrivals = {}
    for detector in detectors:
        if detector.latitude_deg is None or detector.longitude_deg is None:
            raise SettingsError(f"{detector.name} has no place on Earth in the registry: no burst can reach it")
        place = position(detector.latitude_deg, detector.longitude_deg)
        arrivals[detector.name] = burst.at_ns + delay_ns(place, source)
    return arrivals


def simulated_start_ns(start_ns: Nanoseconds, duration_ns: Nanoseconds | None, speed: float) -> Nanoseconds:
    """Return what time it is for detectors when a simulation starts, so that none of theirs is ever in the future.

    Their clock meets the real one at the end: at 60 times the speed, an hour's simulation plays the last hour.

    Parameters
    ----------
    start_ns
        When it really starts, TAI ns.
    duration_ns
        How long it lasts for the detectors, ns.
    speed
        How many of their seconds pass in one.

    Raises
    ------
    SettingsError
        If it is to be fast, and for ever.
    """
    if speed == 1.0:
        return start_ns
    if duration_ns is None:
        raise SettingsError("--speed needs a --duration: the detectors' clock ends at the present")
    return start_ns - round(duration_ns * (1 - 1 / speed))


def choose(registry: Registry, names: Sequence[str]) -> tuple[Detector, ...]:
    """Return the detectors of these names, or all that have a place if no names are given.

    Raises
    ------
    SettingsError
        If a name is not registered.
    """
    if not names:
        return tuple(detector for detector in registry.detectors if detector.latitude_deg is not None)
    chosen = {}
    for name in names:
        detector = registry.resolve(name)
        if detector is None:
            raise SettingsError(f"{name!r} is not a registered detector")
        chosen[detector.name] = detector
    return tuple(chosen.values())


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
