"""What a drill says: nobody else is in it, and nothing of it stays."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import AlertType, CacheKey
from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Observation, Retraction
from snews_cs.simulation.drill.event import SPAN_NS, DrillEvent, who_may_drill

REGISTRY = Registry.load()
NOW = SPAN_NS[1] + 30 * 365 * 86_400 * NS_PER_S


def invent() -> DrillEvent:
    return DrillEvent.invent(who_may_drill(REGISTRY, ()), firedrill=False)


def test_two_detectors_coincide_as_a_test_long_ago() -> None:
    first, second = invent().observations
    assert first.is_test
    assert second.is_test
    assert first.detector_name != second.detector_name
    assert SPAN_NS[0] <= first.neutrino_time_ns < second.neutrino_time_ns < first.neutrino_time_ns + NS_PER_S


def test_drills_do_not_meet() -> None:
    times = sorted(invent().observations[0].neutrino_time_ns for _ in range(24))
    assert all(later - earlier > 20 * NS_PER_S for earlier, later in pairwise(times))
    assert len({uuid for _ in range(24) for uuid in invent().message_uuids}) == 48


def test_the_engine_alerts_withdraws_and_keeps_nothing() -> None:
    engine, event = Engine(), invent()
    messages: list[Observation | Retraction] = [*event.observations, *event.retractions()]
    outcomes = [engine.apply(message, NOW, f"key{number}") for number, message in enumerate(messages)]
    alerts = [[alert.alert_type for alert in outcome.alerts] for outcome in outcomes]
    assert alerts == [[], [AlertType.INITIAL], [AlertType.RETRACTION], []]
    assert all(alert.cache == CacheKey(is_test=True, is_pre_sn=False) for each in outcomes for alert in each.alerts)
    assert [list(cache.lines()) for cache in engine.caches.values()] == [[]] * len(engine.caches)


def test_firedrills_are_marked() -> None:
    event = DrillEvent.invent(who_may_drill(REGISTRY, ()), firedrill=True)
    assert all(each.is_firedrill and each.is_test for each in (*event.observations, *event.retractions()))


def test_who_is_muted_or_speaks_only_for_itself_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    path.write_text(json.dumps([{"name": "JUNO", "senders": ["juno"]}]))
    registry = Registry.load(path)
    names = {detector.name for detector in who_may_drill(registry, ("ice", "nobody"))}
    assert names == {detector.name for detector in registry.detectors} - {"JUNO", "IceCube", "TEST"}


def test_two_are_needed() -> None:
    with pytest.raises(SettingsError, match="needs two detectors"):
        who_may_drill(REGISTRY, [detector.name for detector in REGISTRY.detectors][:-1])
