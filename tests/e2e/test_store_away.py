"""The store is away while observations come: alerts go out all the same, and the journal is whole in the end."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import Surroundings
from tests.support.ferretdb import FerretServer
from tests.support.system import System, observation
from tests.support.truth import alerts_of, check_journal

BACK = "no longer DEGRADED"


class Trouble(NamedTuple):
    """A server's surroundings, and what takes its store away for as long as the context lasts."""

    system: System
    store_away: Callable[[], AbstractContextManager[None]]


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Keep everybody else from writing into a SQLite file."""
    with closing(sqlite3.connect(store, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def killed(ferret: FerretServer) -> Iterator[None]:
    """Kill a server, and start it again."""
    ferret.kill()
    yield
    ferret.start()


@contextmanager
def frozen(ferret: FerretServer) -> Iterator[None]:
    """Let a server listen but not answer."""
    ferret.pause()
    yield
    ferret.resume()


@pytest.fixture(params=["killed", "frozen"])
def trouble(request: pytest.FixtureRequest, surroundings: Surroundings, tmp_path: Path) -> Iterator[Trouble]:
    """Give a server's surroundings whose store goes away."""
    how = {"killed": killed, "frozen": frozen}[request.param]
    with ExitStack() as stack:
        if surroundings.store == "mongodb":
            ferret = stack.enter_context(FerretServer(tmp_path / "ferretdb"))
            system = stack.enter_context(closing(System(surroundings.broker, tmp_path, ferret.url)))
            yield Trouble(system, lambda: how(ferret))
        elif how is frozen:
            system = stack.enter_context(closing(System(surroundings.broker, tmp_path)))
            yield Trouble(system, lambda: locked(system.store))
        else:
            pytest.skip("SQLite is no server that could be killed")


def check_end(system: System, alerts: int) -> None:
    """Fail unless journal and topic, with so many alerts, agree on every event that is left; and all is done."""
    journal = system.journal()
    check_journal(journal)
    assert system.unpublished() == []
    decided = {alert.event_id: alert for alert in alerts_of(journal)}
    believed: dict[str, dict[str, Any]] = {}
    for alert in system.alerts(alerts):
        if alert["revision"] > believed.get(alert["event_id"], {"revision": 0})["revision"]:
            believed[alert["event_id"]] = alert
    over = {event for alert in alerts_of(journal) for event in alert.merged_event_ids}
    assert {event: alert["alert_uuid"] for event, alert in believed.items() if event not in over} == {
        event: alert.alert_uuid for event, alert in decided.items() if event not in over
    }


def test_alerts_go_out_meanwhile(trouble: Trouble) -> None:
    system = trouble.system
    server = system.start()
    system.publish(observation("JUNO"))
    server.wait_for("observation")
    with trouble.store_away():
        system.publish(observation("XENONnT", 1))
        (alert,) = system.alerts(1)
        assert (alert["alert_type"], alert["degraded"]) == ("INITIAL", True)
        system.publish(observation("LVD", 2))
        assert [alert["degraded"] for alert in system.alerts(2)] == [True, True]
    server.wait_for(BACK)
    system.publish(observation("IceCube", 3))
    alerts = system.alerts(3)
    assert [(alert["revision"], alert["degraded"]) for alert in alerts] == [(1, True), (2, True), (3, False)]
    assert server.stop() == 0
    check_end(system, 3)


def test_start_while_the_store_is_away(trouble: Trouble) -> None:
    """What the server knew when it stopped, it knows when it starts; what it is told meanwhile outlives a kill."""
    system = trouble.system
    with system.start() as server:
        system.publish(observation("JUNO"))
        server.wait_for("observation")
    with trouble.store_away():
        server = system.start()
        system.publish(observation("XENONnT", 1))
        assert [alert["degraded"] for alert in system.alerts(1)] == [True]
        server.kill()
        server = system.start()
        system.publish(observation("LVD", 2))
        assert [(alert["revision"], alert["degraded"]) for alert in system.alerts(2)] == [(1, True), (2, True)]
    server.wait_for(BACK)
    system.publish(observation("IceCube", 3))
    assert [alert["revision"] for alert in system.alerts(3)] == [1, 2, 3]
    assert server.stop() == 0
    check_end(system, 3)


def test_what_was_sent_without_knowing_is_put_right(trouble: Trouble) -> None:
    """On a machine with an empty disk a server knows nothing while the store is away; when it is back it says so."""
    system = trouble.system
    with system.start():
        for detector in ("JUNO", "XENONnT"):
            system.publish(observation(detector))
        assert len(system.alerts(1)) == 1
    shutil.rmtree(system.directory / "spool")
    with trouble.store_away():
        server = system.start()
        for detector in ("LVD", "IceCube"):
            system.publish(observation(detector, 1))
        first, alone = system.alerts(2)
        assert alone["degraded"]
        assert alone["event_id"] != first["event_id"]
    server.wait_for("readers of alerts sent alone are put right")
    system.publish(observation("KamLAND", 2))
    server.wait_for("PUBLISHING AN ALERT", lambda line: "KamLAND" in line["detectors"])
    assert server.stop() == 0
    check_end(system, 6)
