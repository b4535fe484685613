"""What detectors say in a play: bursts that coincide, second thoughts, retractions before or after, and nonsense."""

import json
import random
from typing import Any
from uuid import UUID

from snews_cs.messages.times import format_utc
from tests.protocol.broker import Said
from tests.protocol.machine import START
from tests.protocol.weather import Weather
from tests.protocol.world import SECOND

PASSWORD = "sesame"
MUTED = "LVD"
"""Whose observations servers that mute count for nothing."""

DETECTORS = ("JUNO", "XENONnT", MUTED, "SNO+", "Baksan")
NONSENSE = (None, b"", b"\xff\x00", b"[1, 2]", b'{"detector_name": "JUNO"}', b"\x80\x04cos\nsystem\n.", b"{" * 50)


class Traffic:
    """Makes the messages of one play.

    Parameters
    ----------
    chance
        Where chance comes from.
    weather
        How many messages, when, and on how many partitions.
    """

    def __init__(self, chance: random.Random, weather: Weather) -> None:
        self._chance = chance
        self._weather = weather
        self._bursts_ns = [START + round(chance.uniform(-8, 12) * SECOND) for _ in range(chance.randint(1, 3))]
        self._marks: list[dict[str, bool]] = (
            [{}, {}, {}, {"is_test": True}, {"is_pre_sn": True}] if chance.random() < 0.5 else [{}]
        )
        self._seen: list[dict[str, Any]] = []

    def messages(self) -> list[Said]:
        """Return what is said, in no order."""
        said = [self._said(self._content()) for _ in range(self._weather.messages)]
        again = self._chance.choices(said, k=self._chance.randint(0, 3)) if said else []
        return said + [self._said(each.value) for each in again]

    def _said(self, value: bytes | None) -> Said:
        chance, weather = self._chance, self._weather
        return Said(chance.randint(SECOND, weather.talk_ns), chance.randrange(weather.partitions), value)

    def _content(self) -> bytes | None:
        chance = self._chance
        (say,) = chance.choices(
            (self._observation, self._second_thought, self._retraction, self._heartbeat, self._command, None),
            (10, 3, 3, 2, 0.7, 1),
        )
        return chance.choice(NONSENSE) if say is None else json.dumps(say()).encode()

    def _observation(self) -> dict[str, Any]:
        chance = self._chance
        time_ns = chance.choice(self._bursts_ns) + round(chance.triangular(-8, 8) * SECOND)
        seen = {
            "detector_name": chance.choice(DETECTORS),
            "neutrino_time": format_utc(time_ns),
            "p_val": chance.choice((None, 0.01, 0.5)),
            "uuid": self._uuid(),
            **chance.choice(self._marks),
        }
        self._seen.append(seen)
        return seen

    def _second_thought(self) -> dict[str, Any]:
        """Refine what was seen, or say it again under another name."""
        if not self._seen:
            return self._observation()
        p_value = self._chance.choice((0.02, 0.03, 0.5))
        seen = {**self._chance.choice(self._seen), "uuid": self._uuid(), "p_val": p_value}
        self._seen.append(seen)
        return seen

    def _retraction(self) -> dict[str, Any]:
        chance = self._chance
        target: dict[str, Any] = chance.choice(self._seen) if self._seen else self._observation()
        which: dict[str, Any] = {"retract_message_uuid": target["uuid"]}
        if chance.random() < 0.4:
            which = {"retract_latest_n": chance.choice((1, 2, "ALL"))}
        marks: dict[str, Any] = {mark: target[mark] for mark in ("is_test", "is_pre_sn") if mark in target}
        return {"detector_name": target["detector_name"], "tier": "Retraction", "uuid": self._uuid(), **which, **marks}

    def _heartbeat(self) -> dict[str, Any]:
        chance = self._chance
        status = chance.choice(("ON", "ON", "OFF"))
        name = chance.choice(DETECTORS)
        return {"detector_name": name, "tier": "Heartbeat", "uuid": self._uuid(), "detector_status": status}

    def _command(self) -> dict[str, Any]:
        name = self._chance.choice(DETECTORS)
        if self._chance.random() < 0.5:
            return {"id": "0_test-connection", "detector_name": name, "uuid": self._uuid(), "meta": {}}
        password = self._chance.choice((PASSWORD, PASSWORD, "wrong"))
        is_test = bool(self._chance.choice(self._marks).get("is_test"))
        return {"_id": "0_hard-reset", "detector_name": name, "pass": password, "is_test": is_test}

    def _uuid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))
