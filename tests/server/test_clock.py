"""Clocks that jump, repeat a second, or run ahead: no alert is lost, and what is over is over."""

import random
from dataclasses import fields
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert, CacheKey
from snews_cs.inspection.replay import replay
from snews_cs.inspection.status import Status, judge, look
from snews_cs.messages.times import NS_PER_S, format_utc, parse_utc, tai_from_posix
from tests.server.conftest import START, House, OpenHouse, said, seen
from tests.support.server import check_alert

DAY = 86_400 * NS_PER_S
STEPS = pytest.mark.parametrize("step_s", [-30, 30])
MIDNIGHT_POSIX_NS = 1_483_228_800 * NS_PER_S
"""2017-01-01T00:00:00Z, behind a leap second."""

BEAT = {"detector_name": "Baksan", "tier": "Heartbeat", "detector_status": "ON"}


def step(house: House, by_s: float) -> None:
    """Let somebody set the server's clock."""
    house.now_ns += round(by_s * NS_PER_S)


def status(house: House) -> Status:
    """Look at the store by the server's clock; no span of time is negative."""
    found = look(house.storage.storage, house.now_ns)
    assert all(getattr(found, each.name) >= 0 for each in fields(found) if each.name.endswith("_ns"))
    return found


def live(house: House) -> list[str]:
    """Return the detectors of all live observations."""
    caches = house.journal.engine.caches.values()
    return [line.detector_name for cache in caches for line in cache.lines()]


@STEPS
def test_a_step_between_observations(open_house: OpenHouse, lines: list[EventDict], step_s: int) -> None:
    house = open_house()
    for number, detector in enumerate(("JUNO", "XENONnT", "LVD")):
        house.say(seen(detector, number))
        step(house, step_s)
        status(house)
    house.say({"detector_name": "LVD", "tier": "Retraction", "retract_latest_n": 1})
    step(house, -step_s)
    house.say({"detector_name": "JUNO", "tier": "Retraction", "retract_latest_n": 1})
    assert [alert["alert_type"] for alert in house.publisher.contents()] == [
        *("INITIAL", "UPDATE", "UPDATE", "RETRACTION")
    ]
    received = [entry.received_ns for entry in house.entries()]
    assert received != sorted(received)
    assert [entry.raw.offset for entry in house.entries()] == list(range(5))
    assert not [each for each in replay(house.entries()) if each.difference]
    again = open_house(publisher=house.publisher)
    assert again.journal.engine.snapshot() == house.journal.engine.snapshot()
    assert said(lines, "ALARM") == []


@STEPS
def test_what_waits_is_paced_by_another_clock(open_house: OpenHouse, step_s: int) -> None:
    house = open_house()
    house.publisher.failures = 1
    house.say(seen("JUNO"), seen("XENONnT", 1))
    step(house, step_s)
    house.say()
    assert status(house).unpublished == 1
    assert judge(status(house))[0] == (2 if step_s > 0 else 0)  # for its age is told by the clock on the wall
    house.monotonic_s += 0.2
    house.say()
    assert status(house).unpublished == 0
    assert len(house.publisher.uuids()) == 1


def test_what_is_over_by_the_journals_times_is_over(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1))
    house.now_ns = START - 60 * NS_PER_S + DAY - NS_PER_S
    house.say(BEAT)
    assert live(house) == ["JUNO", "XENONnT"]
    step(house, 30)
    house.say(BEAT)
    assert live(house) == []
    step(house, -30)  # what is gone does not come back
    house.say(seen("LVD", 2))
    assert live(house) == ["LVD"]
    assert len(house.publisher.uuids()) == 1
    assert open_house().journal.engine.snapshot() == house.journal.engine.snapshot()


def test_what_was_not_over_yet_goes_on(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1))
    house.now_ns = START - 60 * NS_PER_S + DAY + 5 * NS_PER_S
    step(house, -30)  # before anything came
    house.say(seen("LVD", 2))
    assert [alert["detector_names"] for alert in house.publisher.contents()][1:] == [["JUNO", "XENONnT", "LVD"]]


@pytest.mark.parametrize("steps", [(), (-30, 0, 30)], ids=["steady", "jumping"])
def test_the_clock_does_not_decide_what_coincides(
    open_house: OpenHouse, rng: random.Random, steps: tuple[int, ...]
) -> None:
    house, true_ns = open_house(), START
    for number in range(150):
        true_ns += NS_PER_S // 10
        house.now_ns = true_ns + rng.choice(steps or (0,)) * NS_PER_S
        message: dict[str, Any] = {**seen(rng.choice(("JUNO", "LVD", "IceCube")), rng.uniform(-60, 25))}
        if rng.random() < 0.2:
            message = {"tier": "Retraction", "retract_latest_n": 1, "detector_name": message["detector_name"]}
        elif rng.random() < 0.1:
            message = BEAT
        house.say({**message, "uuid": f"{number}"})
        status(house)
        if rng.random() < 0.05:
            house = open_house(publisher=house.publisher)
    assert house.publisher.uuids() == [alert.alert_uuid for alert in decided_steadily(house)]
    assert len(house.publisher.uuids()) > 20
    assert all(entry.verdict.accepted for entry in house.entries())


def decided_steadily(house: House) -> list[Alert]:
    """Return what an engine decides on the same messages, received at one and the same time."""
    engine = Engine()
    alerts: list[Alert] = []
    for entry in house.entries():
        assert entry.message is not None
        alerts += engine.apply(entry.message, START + 60 * NS_PER_S, entry.key).alerts
        engine.settle()
    return alerts


@pytest.mark.parametrize(("ahead_s", "warned"), [(0.5, 0), (1.5, 1), (30, 1), (59.9, 1)])
def test_a_detector_whose_clock_runs_ahead(
    open_house: OpenHouse, lines: list[EventDict], ahead_s: float, warned: int
) -> None:
    house = open_house()
    ahead = seen("JUNO", 60 + ahead_s)
    house.say(ahead, seen("XENONnT", 60 + ahead_s - 10))  # XENONnT knows what time it is
    assert [alert["detector_names"] for alert in house.publisher.contents()] == [["XENONnT", "JUNO"]]
    warnings = [line for line in lines if "ahead of this server's clock" in line["event"]]
    assert len(warnings) == warned + (ahead_s - 10 > 1)
    (line,) = [
        line
        for line in house.journal.engine.caches[CacheKey(is_test=False, is_pre_sn=False)].lines()
        if line.detector_name == "JUNO"
    ]
    assert line.expires_ns == line.neutrino_time_ns + DAY
    house.now_ns = line.expires_ns
    house.say(BEAT)
    assert live(house) == []


def test_a_detector_far_ahead_is_refused_and_one_behind_is_not(open_house: OpenHouse) -> None:
    house = open_house()
    house.say(seen("JUNO", 120.1), seen("XENONnT", -3_600), seen("LVD", -3_601))
    refused, *accepted = house.entries()
    assert refused.verdict.reason is not None
    assert refused.verdict.reason.endswith("is 60 s in the future")
    assert all(entry.verdict.accepted for entry in accepted)
    assert len(house.publisher.uuids()) == 1


def test_a_server_half_a_minute_slow_hears_everybody(open_house: OpenHouse) -> None:
    house = open_house()
    step(house, -30)
    house.say(seen("JUNO", 60), seen("XENONnT", 61))
    assert len(house.publisher.uuids()) == 1
    step(house, 30)
    house.say(seen("LVD", 62))
    assert house.publisher.contents()[-1]["revision"] == 2


def test_a_leap_second(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()

    def say(detector: str, neutrino_time: str, clock_s: float) -> None:
        """Let an observation come when the machine's clock, which knows no 23:59:60, is so far from midnight."""
        house.now_ns = tai_from_posix(MIDNIGHT_POSIX_NS + round(clock_s * NS_PER_S))
        house.say({"detector_name": detector, "neutrino_time": neutrino_time})

    say("JUNO", "2016-12-31T23:59:55Z", -2)
    say("XENONnT", "2016-12-31T23:59:60.5Z", -0.3)  # the second is there twice: this is its second time
    say("LVD", "2017-01-01T00:00:04Z", 4.1)
    say("IceCube", "2017-01-01T00:00:04.000000001Z", 4.2)
    alerts = house.publisher.contents()
    assert [alert["detector_names"] for alert in alerts] == [
        ["JUNO", "XENONnT"],
        ["JUNO", "XENONnT", "LVD"],
        ["XENONnT", "LVD", "IceCube"],
    ]
    assert alerts[0]["neutrino_times"][1] == "2016-12-31T23:59:60.500000000Z"
    for alert in alerts:
        check_alert(alert)
    assert [line for line in lines if "clock" in line["event"]] == []
    status(house)
    house.now_ns = parse_utc("2016-12-31T23:59:55Z") + DAY
    assert format_utc(house.now_ns) == "2017-01-01T23:59:54.000000000Z"
    house.say(BEAT)
    assert live(house) == ["XENONnT", "LVD", "IceCube"]
