"""Plays in which nothing is left to chance but who is a little faster: what must go out while the store is away."""

import json
from collections.abc import Callable

from snews_cs.messages.times import format_utc
from tests.protocol.broker import ALERTS, Said
from tests.protocol.machine import START
from tests.protocol.play import Play
from tests.protocol.site import Room
from tests.protocol.weather import Kill, Outage, Weather
from tests.protocol.world import MS, SECOND

Scene = Callable[[Room], None]

ALONE_NS = 1_000 * MS
"""Within what time an alert must be out although the store is away: it must first be found to be."""


def seen(detector: str, at_s: float, *, burst_s: float = 0.0) -> Said:
    """Return an observation that is made at a time, of neutrinos that came at another."""
    content = {
        "detector_name": detector,
        "neutrino_time": format_utc(START + round(burst_s * SECOND)),
        "uuid": detector,
    }
    return Said(round(at_s * SECOND), 0, json.dumps(content).encode())


def play(room: Room, weather: Weather, *said: Said) -> Play:
    """Play it, and return how it ended."""
    played = Play(0, room, weather=weather, said=said)
    played.run()
    return played


def expect_alert(played: Play, *detectors: str, by_s: float) -> None:
    """Fail unless an alert of just these detectors was out by then."""
    found = [
        record.time_ns
        for record in played.broker.written[ALERTS]
        if sorted(record.content["detector_names"]) == sorted(detectors)
    ]
    assert found, f"no alert of {detectors}"
    assert min(found) <= by_s * SECOND, f"{detectors} are alerted at {min(found) / SECOND:.1f} s"


def the_store_is_away_when_the_burst_comes(room: Room) -> None:
    """Nobody has the store; both servers alert."""
    away = Weather(
        servers=2, partitions=1, outages=(Outage("store", None, 3 * SECOND, 12 * SECOND),), calm_ns=12 * SECOND
    )
    played = play(room, away, seen("JUNO", 2), seen("LVD", 5), seen("SNO+", 8))
    expect_alert(played, "JUNO", "LVD", by_s=5 + ALONE_NS / SECOND)
    expect_alert(played, "JUNO", "LVD", "SNO+", by_s=8 + ALONE_NS / SECOND)


def a_server_dies_alone(room: Room) -> None:
    """Let what a server spooled before it died coincide with what comes after, the store still being away."""
    weather = Weather(
        servers=1,
        partitions=1,
        outages=(Outage("store", None, 3 * SECOND, 15 * SECOND),),
        kills=(Kill(0, 6 * SECOND, SECOND),),
        calm_ns=15 * SECOND,
    )
    played = play(room, weather, seen("JUNO", 2), seen("LVD", 5, burst_s=11), seen("SNO+", 9, burst_s=12))
    expect_alert(played, "LVD", "SNO+", by_s=9 + ALONE_NS / SECOND)


def a_server_dies_before_its_alert_is_out_alone(room: Room) -> None:
    """Let the broker, too, be away when a server dies: what it spooled goes out when only the broker is back."""
    weather = Weather(
        servers=1,
        partitions=1,
        outages=(Outage("store", None, 3 * SECOND, 30 * SECOND), Outage("broker", None, 5_001 * MS, 8 * SECOND)),
        kills=(Kill(0, 6 * SECOND, SECOND),),
        calm_ns=30 * SECOND,
    )
    played = play(room, weather, seen("JUNO", 4), seen("LVD", 5))
    expect_alert(played, "JUNO", "LVD", by_s=14)


def a_server_dies_and_another_takes_over(room: Room) -> None:
    """One of two is killed before, in or after its append of what makes an alert; the other one publishes."""
    for server in (0, 1):
        for step in ("append", "append 4: done", "publish INITIAL"):
            kill = Kill(server, 5 * SECOND, 20 * SECOND, step)
            weather = Weather(servers=2, partitions=1, kills=(kill,), calm_ns=10 * SECOND)
            played = play(room, weather, seen("JUNO", 2), seen("LVD", 5))
            expect_alert(played, "JUNO", "LVD", by_s=8)


SCENES: tuple[Scene, ...] = (
    the_store_is_away_when_the_burst_comes,
    a_server_dies_alone,
    a_server_dies_before_its_alert_is_out_alone,
    a_server_dies_and_another_takes_over,
)
"""All of them."""
