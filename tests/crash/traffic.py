"""Random traffic from a seed: what detectors say, take back, repeat and get wrong, on several partitions."""

import json
from random import Random
from typing import Any
from uuid import UUID

from tests.support.mutations import mutations
from tests.support.system import observation

DETECTORS = ("JUNO", "XENONnT", "LVD", "IceCube", "KamLAND")
EARLIEST_S = -36_000.0
"""Where the traffic's neutrino times begin, s: ten hours before the others' of the tests."""

SPAN_S, PACE_S = 25.0, 0.4
"""How far apart the times of neighbouring messages are at most, and how fast all of them move on, s."""

MOST_BYTES = 5_000


class Traffic:
    """Messages of five detectors without end: seven in ten are observations, one in ten of them a test.

    Parameters
    ----------
    rng
        Makes it: the same generator gives the same traffic, but for the day it is about.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._poison = mutations(rng.getrandbits(32))
        self._said: list[dict[str, Any]] = []
        self._sent = 0

    def message(self) -> bytes | None:
        """Return the next message."""
        rng = self._rng
        self._sent += 1
        kind = rng.random()
        if kind < 0.05:
            return next(value for _, value in self._poison if len(value or b"") <= MOST_BYTES)
        if kind < 0.6 or not self._said:
            self._said.append(self._observation())
            return json.dumps(self._said[-1]).encode()
        recent = rng.choice(self._said[-40:])
        if kind < 0.7:
            return json.dumps(self._refined(recent)).encode()
        if kind < 0.75:
            return json.dumps(recent).encode()
        if kind < 0.8:
            return self.heartbeat()
        return json.dumps(self._retraction(recent)).encode()

    def heartbeat(self) -> bytes:
        """Return a heartbeat."""
        return json.dumps(
            {**self._head("Heartbeat"), "detector_status": self._rng.choice(("ON", "ON", "OFF"))}
        ).encode()

    def _head(self, tier: str) -> dict[str, Any]:
        uuid = UUID(int=self._rng.getrandbits(128), version=4)
        return {"detector_name": self._rng.choice(DETECTORS), "tier": tier, "uuid": str(uuid)}

    def _observation(self) -> dict[str, Any]:
        rng = self._rng
        time_s = EARLIEST_S + PACE_S * self._sent + rng.randrange(round(2 * SPAN_S)) / 2
        marks = {"p_val": rng.choice((None, 0.01, 0.5)), "is_test": rng.random() < 0.1}
        head = self._head("CoincidenceTier")
        return observation(head.pop("detector_name"), time_s, **head, **marks)

    def _refined(self, said: dict[str, Any]) -> dict[str, Any]:
        return {**said, "uuid": self._head("")["uuid"], "p_val": self._rng.random()}

    def _retraction(self, said: dict[str, Any]) -> dict[str, Any]:
        which: dict[str, Any] = {"retract_message_uuid": said["uuid"]}
        if self._rng.random() < 0.2:
            which = {"retract_latest_n": self._rng.randint(1, 3)}
        head = {**self._head("Retraction"), "detector_name": said["detector_name"], "is_test": said["is_test"]}
        return {**head, **which}
