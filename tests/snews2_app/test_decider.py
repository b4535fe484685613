"""The first application's decider over the engine."""

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.snews2_app.decider import EngineDecider
from snews_cs.snews2_app.interfaces import IDecider
from tests.snews2_app.conftest import Bench, observation


@pytest.fixture
def decider(bench: Bench) -> EngineDecider:
    return EngineDecider(bench.storage)


def test_it_is_the_first_applications() -> None:
    assert IDecider.__abstractmethods__ == {"deciding", "addMessage", "getAllMessages"}
    with pytest.raises(TypeError, match="abstract"):
        IDecider()  # type: ignore[abstract]


def test_without_a_message_there_is_nothing_to_decide(decider: EngineDecider) -> None:
    assert not decider.deciding()
    assert decider.getAllMessages() == []


@pytest.mark.parametrize(
    ("offset_s", "other", "coincides"),
    [(10.0, "LVD", True), (0.0, "LVD", True), (-10.0, "LVD", True), (10.000_000_001, "LVD", False), (5, "JUNO", False)],
)
def test_two_detectors_within_ten_seconds_coincide(
    bench: Bench, decider: EngineDecider, offset_s: float, other: str, coincides: bool
) -> None:
    decider.addMessage(bench.time(), bench.time(-20), observation("JUNO", "a"))
    assert not decider.deciding()
    decider.addMessage(bench.time(), bench.time(-20 + offset_s), observation(other, "b"))
    assert decider.deciding() == coincides
    assert [each["message_id"] for each in decider.getAllMessages()] == ["a", "b"]


def test_what_adds_nothing_calls_for_no_alert(bench: Bench, decider: EngineDecider) -> None:
    for place, detector in enumerate(("JUNO", "LVD")):
        decider.addMessage(bench.time(), bench.time(-5), observation(detector, str(place)))
    assert decider.deciding()
    decider.addMessage(bench.time(), bench.time(-5), observation("LVD", "1"))
    assert not decider.deciding(), "a repeat"
    decider.addMessage(bench.time(), bench.time(-3_600), observation("NOvA", "2"))
    assert not decider.deciding(), "an observation of its own"
    decider.addMessage(bench.time(), bench.time(-3_601), observation("SNO+", "3"))
    assert decider.deciding(), "another coincidence"
    decider.addMessage(bench.time(), bench.time(-4), observation("NOvA", "4"))
    assert decider.deciding(), "a detector more"


def test_the_end_of_a_coincidence_calls_for_no_alert(bench: Bench, decider: EngineDecider) -> None:
    decider.addMessage(bench.time(), bench.time(-20), observation("JUNO", "a"))
    decider.addMessage(bench.time(), bench.time(-10), observation("LVD", "b"))
    decider.addMessage(bench.time(), bench.time(-9.5), observation("LVD", "c"))  # refined: it is too late now
    assert bench.storage.outcome is not None
    assert [str(alert.alert_type) for alert in bench.storage.outcome.alerts] == ["RETRACTION"]
    assert not decider.deciding()


def test_tests_do_not_coincide(bench: Bench, decider: EngineDecider) -> None:
    for place, detector in enumerate(("JUNO", "LVD")):
        decider.addMessage(bench.time(), bench.time(), observation(detector, str(place), is_test=True))
    assert bench.storage.outcome is not None
    assert len(bench.storage.outcome.alerts) == 1
    assert not decider.deciding()


def test_what_is_refused_calls_for_no_alert(bench: Bench, decider: EngineDecider) -> None:
    for place, detector in enumerate(("JUNO", "LVD")):
        decider.addMessage(bench.time(), bench.time(), observation(detector, str(place)))
    with pytest.raises(MessageRefused, match="3 days in the past"):
        decider.addMessage(bench.time(), bench.time(-3 * 86_400), observation("NOvA", "2"))
    assert not decider.deciding()
