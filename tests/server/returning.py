"""A server on its way back to its store."""

import pytest

from snews_cs.messages.types import Reconcile
from tests.server.conftest import House, OpenHouse, seen
from tests.server.ending import check_end

FIRST, SECOND, THIRD, FOURTH = seen("JUNO"), seen("XENONnT", 1), seen("LVD", 2), seen("IceCube", 3)
HOUR_NS = 3_600 * 10**9


def settle(*houses: House) -> None:
    """Let all of them be done, and check the end."""
    for _ in range(2):
        for house in houses:
            house.storage.is_away = False
            house.monotonic_s += 1  # long enough to look what the others have written
            house.settle()
    check_end(*houses)


def alerts(house: House) -> list[tuple[str, int, list[str]]]:
    """Return type, revision and detectors of each alert on the topic."""
    return [(each["alert_type"], each["revision"], each["detector_names"]) for each in house.publisher.contents()]


def reconciles(house: House) -> list[Reconcile]:
    """Return the reconcile entries of the journal."""
    messages = [entry.message for entry in house.storage.storage.entries()]
    return [message for message in messages if isinstance(message, Reconcile)]


def parted(open_house: OpenHouse) -> tuple[House, House]:
    """Return a server that has alerted alone, and another that has journaled something else meanwhile."""
    ours = open_house(started=False)
    ours.begin()
    theirs = open_house(publisher=ours.publisher, tag="other")
    ours.say(FIRST)
    ours.lose_store(SECOND)
    ours.turn(THIRD)
    theirs.say(FOURTH)
    assert alerts(ours) == [
        ("INITIAL", 1, ["JUNO", "XENONnT"]),
        ("UPDATE", 2, ["JUNO", "XENONnT", "LVD"]),
        ("INITIAL", 1, ["JUNO", "IceCube"]),
    ]
    return ours, theirs


def go_slowly(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let so many spooled messages be journaled in each turn, and half as many taken in."""
    monkeypatch.setattr("snews_cs.server.opening.SPOOLED_AT_ONCE", step)
    monkeypatch.setattr("snews_cs.server.loop.FEW", (step + 1) // 2)
    monkeypatch.setattr("snews_cs.server.loop.OPEN_FOR_S", 0.0)
