"""A firedrill beside the real thing: two installed servers with the same settings, and nothing that crosses."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from snews_cs.storage.open import open_reader
from tests.support.server import PATIENCE_S, SNEWS_CS, ServerProcess
from tests.support.system import System, observation

DRILL = "experiments-firedrill"


@pytest.fixture
def real(system: System) -> Iterator[ServerProcess]:
    with system.start({"NO_COINCIDENCE_TOPIC": system.topics["no-coincidence"]}) as server:
        yield server


@pytest.fixture
def drill(system: System, real: ServerProcess) -> ServerProcess:
    return start_drill(system)


def start_drill(system: System) -> ServerProcess:
    return system.start({"NO_COINCIDENCE_TOPIC": system.topics["no-coincidence"]}, options=["--firedrill"])


def taken_in(system: System, *, firedrill: bool) -> list[str]:
    """Return the detectors whose messages are in a journal, refused ones too."""
    with closing(open_reader(system.database, firedrill=firedrill)) as store:
        entries = [entry for entry in store.entries() if entry.raw.partition >= 0]
    return [entry.message.detector_name for entry in entries if entry.message and entry.message.kind == "observation"]


def test_it_alerts_on_its_own_topic_and_meets_nothing_real(system: System, drill: ServerProcess) -> None:
    system.publish(observation("JUNO", is_firedrill=True), topic=DRILL)
    system.publish(observation("XENONnT", 1))  # is real, and coincides with nothing
    system.publish(observation("LVD", 2), topic=DRILL)  # clients do not mark drills
    (alert,) = system.alerts(1, "alert-firedrill")
    assert (alert["alert_type"], alert["detector_names"]) == ("INITIAL", ["JUNO", "LVD"])
    notices = {(notice["detector_name"], notice["is_firedrill"]) for notice in system.alerts(2, "no-coincidence")}
    assert notices == {("JUNO", True), ("XENONnT", False)}
    assert taken_in(system, firedrill=True) == ["JUNO", "LVD"]
    assert taken_in(system, firedrill=False) == ["XENONnT"]
    assert system.alerts(0) == []


def test_a_drill_that_goes_astray_raises_no_real_alert(
    system: System, real: ServerProcess, drill: ServerProcess
) -> None:
    system.publish(observation("JUNO", is_firedrill=True))
    assert "is_firedrill" in real.wait_for("message refused")["reason"]
    system.publish(observation("LVD"))
    system.publish(observation("XENONnT"))
    (alert,) = system.alerts(1)
    assert alert["detector_names"] == ["LVD", "XENONnT"]
    assert system.alerts(0, "alert-firedrill") == []


def test_it_goes_on_where_it_stopped(system: System, drill: ServerProcess) -> None:
    system.publish(observation("JUNO"), topic=DRILL)
    drill.wait_for("observation")
    drill.kill()
    system.publish(observation("LVD", 9), topic=DRILL)
    with start_drill(system) as drill:
        (alert,) = system.alerts(1, "alert-firedrill")
        assert alert["detector_names"] == ["JUNO", "LVD"]
        assert drill.stop() == 0
    assert taken_in(system, firedrill=True) == ["JUNO", "LVD"]


def test_a_supernova_is_rehearsed(system: System, drill: ServerProcess) -> None:
    detectors = ["Super-K", "IceCube", "JUNO"]
    arguments = ["--detectors", ",".join(detectors), "--burst", "0.2", "--duration", "1", "--rate", "0"]
    done = subprocess.run(
        [SNEWS_CS, "simulate", "--firedrill", *arguments],
        env={**os.environ, **system.settings, "HOP_BROKER": system.broker.plain_address, "HOP_AUTH": "false"},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    initial, update = system.alerts(2, "alert-firedrill")
    assert (initial["alert_type"], update["alert_type"]) == ("INITIAL", "UPDATE")
    assert sorted(update["detector_names"]) == sorted(update["detectors_online"]) == sorted(detectors)
    assert taken_in(system, firedrill=False) == []
    assert system.alerts(0) == system.alerts(0, "testing") == []
