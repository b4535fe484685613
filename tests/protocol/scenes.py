"""Plays in which nothing is left to chance but who is a little faster: what must go out while the store is away."""

import json
from collections.abc import Callable, Iterator
from itertools import combinations, product

from snews_cs.messages.times import format_utc
from tests.protocol.broker import ALERTS, Said
from tests.protocol.machine import START
from tests.protocol.play import Play
from tests.protocol.repeats import find_repeats
from tests.protocol.site import Room
from tests.protocol.traffic import DETECTORS
from tests.protocol.weather import Blow, Outage, Weather
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


def play(room: Room, weather: Weather, *said: Said, seed: int = 0) -> Play:
    """Play it, and return how it ended."""
    played = Play(seed, room, weather=weather, said=said)
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
        blows=(Blow(0, 6 * SECOND, SECOND),),
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
        blows=(Blow(0, 6 * SECOND, SECOND),),
        calm_ns=30 * SECOND,
    )
    played = play(room, weather, seen("JUNO", 4), seen("LVD", 5))
    expect_alert(played, "JUNO", "LVD", by_s=14)


BURST = (seen("JUNO", 2), seen("LVD", 5), seen("SNO+", 5), seen("Baksan", 5))
"""The last three come at once, and make three alerts."""


def blown(room: Room, servers: int, step: str, *, kills: bool) -> Iterator[Play]:
    """Let a burst come, and yield what becomes of it when this or that server dies or freezes at that step."""
    for server, seed in product(range(servers), range(4)):
        blow = Blow(server, 5 * SECOND, 9 * SECOND, step, kills)
        weather = Weather(servers=servers, partitions=1, blows=(blow,), calm_ns=10 * SECOND)
        yield play(room, weather, *BURST, seed=seed)


def one_of_two_dies(room: Room) -> None:
    """Kill one before, in or after its append of what makes alerts: the other publishes in time, and only once."""
    for step in ("append", "append 3..5: done", "publish INITIAL"):
        for played in blown(room, 2, step, kills=True):
            expect_alert(played, "JUNO", "LVD", "SNO+", "Baksan", by_s=8)
            assert not find_repeats(played.broker)


def one_of_three_dies(room: Room) -> None:
    """Let one die that has published nothing of what it appended: of the others one takes over, not both."""
    for played in blown(room, 3, "publish INITIAL", kills=True):
        expect_alert(played, "JUNO", "LVD", "SNO+", "Baksan", by_s=8)
        assert not find_repeats(played.broker)


def a_zombie_wakes_up(room: Room) -> None:
    """Freeze one as it publishes: it repeats the one alert that was on its lips, and no more."""
    for played in blown(room, 2, "publish INITIAL", kills=False):
        expect_alert(played, "JUNO", "LVD", "SNO+", "Baksan", by_s=8)
        assert len(find_repeats(played.broker)) <= 1


def a_server_dies_before_it_marks(room: Room) -> None:
    """Let the only server die when its alert is out, and not marked: it finds it on the topic, and repeats nothing."""
    for played in blown(room, 1, "mark", kills=True):
        assert not find_repeats(played.broker)


def what_was_sent_alone_is_not_sent_again(room: Room) -> None:
    """Let the store be away for the only server when the burst comes: all that it says alone counts."""
    away = Outage("store", None, 3 * SECOND, 8 * SECOND)
    played = play(room, Weather(servers=1, partitions=1, outages=(away,), calm_ns=8 * SECOND), *BURST)
    expect_alert(played, "JUNO", "LVD", "SNO+", "Baksan", by_s=5 + ALONE_NS / SECOND)
    assert not find_repeats(played.broker)


def bursts_come_on_the_way_back(room: Room) -> None:
    """Let bursts come while a long spool is journaled: each is alerted at once."""
    away = Outage("store", None, 3 * SECOND, 6 * SECOND)
    weather = Weather(servers=1, partitions=1, outages=(away,), step=5, opening_ns=10 * MS, calm_ns=15 * SECOND)
    beats = [
        Said(4 * SECOND, 0, json.dumps({"detector_name": "JUNO", "tier": "Heartbeat", "uuid": str(number)}).encode())
        for number in range(2_000)
    ]
    pairs = list(enumerate(combinations(DETECTORS, 2)))
    bursts = [seen(name, 8 + number / 2, burst_s=-100 * number) for number, pair in pairs for name in pair]
    played = play(room, weather, *beats, *bursts)
    for number, pair in pairs:
        expect_alert(played, *pair, by_s=8 + number / 2 + ALONE_NS / SECOND)
    back_ns = min(
        fact.now_ns for fact in played.world.trace if fact.what.startswith("append") and fact.now_ns > 6 * SECOND
    )
    assert [record for record in played.broker.written[ALERTS] if record.time_ns > back_ns and record.is_alone]


SCENES: tuple[Scene, ...] = (
    the_store_is_away_when_the_burst_comes,
    a_server_dies_alone,
    a_server_dies_before_its_alert_is_out_alone,
    one_of_two_dies,
    one_of_three_dies,
    a_zombie_wakes_up,
    a_server_dies_before_it_marks,
    what_was_sent_alone_is_not_sent_again,
    bursts_come_on_the_way_back,
)
"""All of them."""
