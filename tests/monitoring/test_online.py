"""Too few detectors online: the operators are told, once at each change."""

import pytest
from structlog.testing import capture_logs

from snews_cs.monitoring.online import GRACE_S, OnlineWatch

FEW = "too few detectors online to see a coincidence"
ENOUGH = "enough detectors online again"


class Looks:
    """A watch that is told each second who is online, and what it says."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.watch = OnlineWatch(lambda: self.now_s)

    def look(self, *online: str, seconds: int = 1) -> list[tuple[str, str]]:
        with capture_logs() as lines:
            for _ in range(seconds):
                self.watch.look(frozenset(online))
                self.now_s += 1
        return [(line["event"], line["online"]) for line in lines]


@pytest.fixture
def looks() -> Looks:
    """Give a watch that has seen two detectors online."""
    made = Looks()
    assert made.look("JUNO", "LVD") == []
    return made


def test_once_at_each_change(looks: Looks) -> None:
    assert looks.look("JUNO", seconds=100) == [(FEW, "JUNO")]
    assert looks.look(seconds=100) == [(FEW, "none")]
    assert looks.look("LVD", seconds=100) == [(FEW, "LVD")]
    assert looks.look("LVD", "JUNO", seconds=100) == [(ENOUGH, "JUNO, LVD")]
    assert looks.look("JUNO", "LVD", "KamLAND") == []


def test_the_warning_stands_until_there_are_enough(looks: Looks) -> None:
    assert looks.watch.warnings() == []
    looks.look("JUNO")
    assert looks.watch.warnings() == [f"{FEW}: JUNO"]
    looks.look("JUNO", "LVD")
    assert looks.watch.warnings() == []


def test_after_the_start_heartbeats_may_take_their_time() -> None:
    looks = Looks()
    assert looks.look(seconds=round(GRACE_S)) == []
    assert looks.watch.warnings() == []
    assert looks.look() == [(FEW, "none")]
