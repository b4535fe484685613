"""What one message costs grows with what it changes, and no faster: else a single one could stop the server."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.messages.types import HardReset, Message, Observation, Parameters, Retraction

SECOND = 10**9
NOON = 1_800_000_000 * SECOND
DAY = 86_400 * SECOND


def everything_retracted() -> Message:
    return Retraction(detector_name="LVD", message_uuid="last", retract_latest_n="ALL", is_test=True)


def everything_of_one_uuid_retracted() -> Message:
    return Retraction(detector_name="JUNO", message_uuid="last", retract_message_uuid="all", is_test=True)


def everything_reset() -> Message:
    return HardReset(detector_name="LVD", message_uuid="last", is_test=True)


def everything_cut_anew() -> Message:
    return Parameters(coincidence_threshold_ns=SECOND // 2)


def engine_with_pairs(count: int) -> Engine:
    """Return an engine with so many coincidences of two detectors, each far from the others."""
    engine = Engine()
    for number in range(count):
        for detector, uuid in (("JUNO", "all"), ("LVD", str(number))):
            time_ns = NOON + number * 60 * SECOND + len(detector) * SECOND
            message = Observation(detector_name=detector, message_uuid=uuid, neutrino_time_ns=time_ns, is_test=True)
            engine.apply(message, NOON + number, f"{detector}/{number}")
    engine.settle()
    return engine


def calls(function: Callable[[], object]) -> int:
    """Return how many calls, and steps of generators, a function takes."""
    found = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize(
    ("last", "after_ns"),
    [
        (everything_retracted, SECOND),
        (everything_of_one_uuid_retracted, SECOND),
        (everything_reset, SECOND),
        (everything_cut_anew, SECOND),
        (everything_reset, 2 * DAY),
    ],
    ids=["retracted", "retracted by uuid", "reset", "cut anew", "expired"],
)
def test_twice_as_much_costs_twice_as_much(last: Callable[[], Message], after_ns: int) -> None:
    few, many = (
        calls(partial(engine_with_pairs(count).apply, last(), NOON + after_ns, "last")) for count in (200, 400)
    )
    assert 200 < few < many < 2.2 * few


def one_uuid(number: int) -> Message:
    time_ns = NOON + number * 60 * SECOND
    return Observation(detector_name="JUNO", message_uuid="all", neutrino_time_ns=time_ns, is_test=True)


def test_a_message_costs_the_same_however_many_had_its_uuid() -> None:
    few, many = (calls(partial(engine_with_pairs(count).apply, one_uuid(500), NOON, "last")) for count in (20, 400))
    assert many < 1.5 * few


def test_a_duplicate_costs_the_same_however_many_had_its_uuid() -> None:
    few, many = (calls(partial(engine_with_pairs(count).apply, one_uuid(1), NOON, "last")) for count in (20, 400))
    assert many < 1.5 * few


def test_forgetting_twice_as_much_costs_twice_as_much() -> None:
    def forgets(count: int) -> int:
        engine = engine_with_pairs(count)
        engine.apply(everything_cut_anew(), NOON + 2 * DAY, "all expires")
        return calls(partial(engine.apply, everything_cut_anew(), NOON + 3 * DAY, "last"))

    few, many = forgets(200), forgets(400)
    assert 200 < few < many < 2.2 * few
