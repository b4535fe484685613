"""What a drill says: two detectors see a burst, at a time when nobody else ever did; and what takes it back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Self
from uuid import uuid4

from snews_cs.errors import SettingsError
from snews_cs.messages.admission import TEST_DETECTOR
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import Observation, Retraction

SPAN_NS = (parse_utc("1975-01-01T00:00:00Z"), parse_utc("2000-01-01T00:00:00Z"))
"""When drills' neutrinos come, TAI ns: so long ago that it is nobody's test, and at random, so that the hundreds of
drills of a year do not meet either: two of one day are within 10 s of each other once in 40 million."""

_LIGHT_TRAVEL_NS = 40 * NS_PER_S // 1000

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class DrillEvent:
    """Two observations that coincide."""

    observations: tuple[Observation, Observation]

    @classmethod
    def invent(cls, detectors: Sequence[Detector], *, firedrill: bool) -> Self:
        """Return an event that two of these detectors see, at a time when nobody else does.

        Parameters
        ----------
        detectors
            Two at least.
        firedrill
            Whether it is said on the topic of firedrills.
        """
        time_ns = _random.randrange(*SPAN_NS)
        times_ns = (time_ns, time_ns + _random.randrange(1, _LIGHT_TRAVEL_NS))
        first, second = (
            Observation(
                detector_name=detector.name,
                message_uuid=str(uuid4()),
                is_test=True,
                is_firedrill=firedrill,
                neutrino_time_ns=time_ns,
                p_value=0.01,
            )
            for detector, time_ns in zip(_random.sample(detectors, 2), times_ns, strict=True)
        )
        return cls((first, second))

    @property
    def message_uuids(self) -> tuple[str, str]:
        """The identities of the two messages."""
        first, second = self.observations
        return first.message_uuid, second.message_uuid

    def retractions(self) -> list[Retraction]:
        """Return what takes both back, the later one first: the alert is withdrawn, then nothing is left."""
        return [
            Retraction(
                detector_name=observation.detector_name,
                message_uuid=str(uuid4()),
                is_test=True,
                is_firedrill=observation.is_firedrill,
                retract_message_uuid=observation.message_uuid,
                reason="the end of a drill",
            )
            for observation in reversed(self.observations)
        ]


def who_may_drill(registry: Registry, muted: Collection[str]) -> list[Detector]:
    """Return the detectors in whose name a drill may speak: not muted, and anybody may speak for them.

    Parameters
    ----------
    registry
        All detectors.
    muted
        Names of those that do not count (``MUTED_DETECTORS``).

    Raises
    ------
    SettingsError
        If there are not two.
    """
    silent = {detector.name for detector in map(registry.resolve, muted) if detector is not None} | {TEST_DETECTOR}
    able = [each for each in registry.detectors if each.name not in silent and not each.senders]
    if len(able) < 2:
        raise SettingsError("a drill needs two detectors that are not muted (MUTED_DETECTORS) and have no `senders`")
    return able
