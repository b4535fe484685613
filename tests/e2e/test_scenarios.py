"""The scenarios that ship, played by the installed ``simulate`` to the installed server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from snews_cs.messages.times import NS_PER_S, parse_utc
from tests.support.broker import Broker
from tests.support.scenarios import ALERTS, SCENARIOS
from tests.support.server import PATIENCE_S, SNEWS_CS
from tests.support.system import System

APART = timedelta(hours=2)
"""Between the epochs of two scenarios, so that they do not meet in the cache."""

EARLIEST_NS, LATEST_NS = 3_600 * NS_PER_S, 600 * NS_PER_S
"""How long before and after its epoch a scenario's neutrinos come."""


@pytest.fixture(scope="module")
def stage(embedded_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a server that all scenarios are played to, in any order."""
    with closing(System(embedded_broker, tmp_path_factory.mktemp("stage"))) as system:
        system.start()
        yield system


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_raises_the_alerts_that_it_is_to_raise(stage: System, name: str) -> None:
    epoch = datetime.now(UTC) - list(SCENARIOS).index(name) * APART
    entries = len(stage.journal())
    sent = play(stage, SCENARIOS[name], epoch)
    news = stage.wait_for_entries(entries + sent)[entries:]
    assert len(news) == sent
    for topic, is_test in (("alert", False), ("testing", True)):
        expected = [alert for alert in ALERTS[name] if alert[0].startswith("TEST ") == is_test]
        assert alerts_about(stage, topic, epoch, is_test=is_test) == expected


def alerts_about(stage: System, topic: str, epoch: datetime, *, is_test: bool) -> list[tuple[str, str]]:
    """Return type and members of the alerts on a topic that are about neutrinos around an epoch."""
    decided = [alert for entry in stage.journal() if entry.outcome for alert in entry.outcome.alerts]
    published = stage.alerts(sum(alert.cache.is_test == is_test for alert in decided), topic)
    epoch_ns = parse_utc(epoch.isoformat())
    return [
        (alert["alert_type"], " ".join(alert["detector_names"]))
        for alert in published
        if -EARLIEST_NS <= parse_utc(alert["neutrino_times"][0]) - epoch_ns <= LATEST_NS
    ]


def play(stage: System, scenario: Path, epoch: datetime) -> int:
    """Play a scenario as an operator does, and return how many messages it sent."""
    environment = {**os.environ, **stage.settings, "HOP_BROKER": stage.broker.plain_address, "HOP_AUTH": "false"}
    done = subprocess.run(
        [SNEWS_CS, "simulate", "--scenario", scenario, "--epoch", epoch.isoformat()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.count("acknowledged_after_ms")
