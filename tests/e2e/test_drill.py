"""``snews_cs drill`` as an operator runs it: with a server that does its work, one that does not, and none."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from snews_cs.coincidence.types import Disposition
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Observation, Retraction
from snews_cs.storage.open import open_storage
from snews_cs.streams.observations import ObservationStream
from tests.support.broker import PASSWORD, write_auth
from tests.support.kafka import KafkaServer
from tests.support.server import PATIENCE_S, SNEWS_CS
from tests.support.system import System


def environment(system: System, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the operator's settings: those of the server, and a history of his own."""
    return {
        **os.environ,
        "HOP_BROKER": system.broker.plain_address,
        "HOP_AUTH": "false",
        "DATABASE_SERVER": system.database,
        "DRILL_HISTORY": str(system.directory / "drills.jsonl"),
        **system.settings,
        **(settings or {}),
    }


def start(system: System, *options: str, settings: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SNEWS_CS, "--log-format", "json", "drill", *options],
        env=environment(system, settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Done:
    """A drill that is over: its exit code, its report by line, and what it logged."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        with process:
            try:
                out, self.err = process.communicate(timeout=3 * PATIENCE_S)
            finally:
                process.kill()
        self.code = process.returncode
        self.title, *lines = out.splitlines() or [""]
        self.report = {name: text.strip() for name, _, text in (line.strip().partition(" ") for line in lines)}

    def reason(self) -> str:
        """Return why it failed, which stands in one line of the report and in one of the log."""
        assert self.code == 1, self.title
        logged = [json.loads(line) for line in self.err.splitlines()]
        [critical] = [line for line in logged if line["level"] == "critical"]
        assert critical["event"] == "DRILL FAILED"
        assert self.title == f"FAILED: {critical['reason']}"
        return str(critical["reason"])


def drill(system: System, *options: str, settings: Mapping[str, str] | None = None) -> Done:
    return Done(start(system, *options, settings=settings))


def history(system: System) -> list[dict[str, Any]]:
    path = system.directory / "drills.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def live(system: System) -> int:
    """Return how many lines of observations are live, by the journal."""
    lines: set[int] = set()
    for entry in system.journal():
        if entry.outcome is not None:
            lines |= {line.line_id for line in entry.outcome.lines}
            lines -= set(entry.outcome.lines_gone)
    return len(lines)


def test_a_drill_passes_and_leaves_nothing(system: System) -> None:
    server = system.start()
    done = drill(system)
    assert (done.code, done.title) == (0, "PASSED"), done.err
    [kept] = history(system)
    first, second = kept["detector_names"]
    assert done.report["sent"].startswith(f"{first} and {second} at {kept['neutrino_time']}, as a test, to kafka://")
    assert done.report["journaled"].endswith(f"ms, entry {kept['entries'][0]}, entry {kept['entries'][1]}")
    assert done.report["alert"].endswith(" ms, by test server")
    assert kept["problem"] is None
    assert kept["acknowledged_ms"] > 0
    assert 0 < kept["journaled_ms"] <= kept["alert_ms"]
    assert kept["retraction_ms"] > 0
    alerts = system.alerts(2, "testing")
    assert [alert["alert_type"] for alert in alerts] == ["TEST INITIAL", "TEST RETRACTION"]
    assert {tuple(alert["message_uuids"]) for alert in alerts} == {tuple(kept["message_uuids"])}
    assert system.alerts(0) == []
    said = [entry.message for entry in system.journal()]
    assert all(each.is_test for each in said if isinstance(each, Observation | Retraction))
    assert server.stop() == 0
    assert live(system) == 0
    shown = drill(system, "--history")
    assert shown.code == 0
    assert shown.title.split() == ["STARTED", "ACKNOWLEDGED", "JOURNALED", "ALERT", "RETRACTION", "RESULT"]
    assert shown.report[kept["started"][:19] + "Z"].endswith(" PASSED")


def test_an_event_that_is_not_retracted_stands(system: System) -> None:
    system.start()
    done = drill(system, "--retract", "0")
    assert (done.code, done.report["retraction"]) == (0, "not this time")
    assert [alert["alert_type"] for alert in system.alerts(1, "testing")] == ["TEST INITIAL"]
    assert live(system) == 2


def test_drills_at_once_do_not_mix(system: System) -> None:
    system.start()
    for done in [Done(process) for process in [start(system) for _ in range(3)]]:
        assert done.code == 0, done.title
    assert {each["problem"] for each in history(system)} == {None}
    alerts = system.alerts(6, "testing")
    assert sorted(alert["revision"] for alert in alerts) == [1, 1, 1, 2, 2, 2]
    assert live(system) == 0


def test_a_firedrill(system: System) -> None:
    system.start(options=["--firedrill"])
    done = drill(system, "--firedrill")
    assert done.code == 0, done.title
    assert system.topics["experiments-firedrill"] in done.report["sent"]
    assert len(system.alerts(2, "testing")) == 2
    assert system.alerts(0, "alert-firedrill") == []
    assert drill(system, "--history").report == {}
    assert len(drill(system, "--history", "--firedrill").report) == 1


def test_a_store_that_cannot_be_read_is_no_fault(system: System) -> None:
    system.start()
    nowhere = system.directory / "nowhere.sqlite"
    done = drill(system, settings={"DATABASE_SERVER": f"sqlite:///{nowhere}"})
    assert done.code == 0, done.title
    assert done.report["journaled"] == f"? DATABASE_SERVER: there is no store at {nowhere}"


def test_a_store_of_somebody_else(system: System) -> None:
    system.start()
    other = f"sqlite:///{system.directory / 'other.sqlite'}"
    open_storage(other).close()
    reason = drill(system, settings={"DATABASE_SERVER": other}).reason()
    assert reason.startswith("its alert came, but the store (DATABASE_SERVER) does not have it")


def test_no_server_and_when_it_comes_nothing_of_the_drill_stands(system: System) -> None:
    system.start().stop()
    reason = drill(system, "--within", "1s").reason()
    assert reason.startswith(f"no TEST INITIAL on {system.topics['testing']} within 1 s: nothing is in the journal")
    assert [each["problem"] for each in history(system)] == [reason]
    system.start()
    assert [alert["revision"] for alert in system.alerts(2, "testing")] == [1, 2]
    system.wait_for_entries(5)
    assert live(system) == 0


def test_a_server_that_answers_elsewhere(system: System) -> None:
    system.start({"CONNECTION_TEST_TOPIC": system.topics["no-coincidence"]})
    reason = drill(system, "--within", "5s").reason()
    assert "within 5 s: it is decided (entry " in reason


def test_a_server_that_refuses(system: System) -> None:
    names = ",".join(detector.name for detector in Registry.load().detectors)
    system.start({"MUTED_DETECTORS": names})
    reason = drill(system).reason()
    assert reason.startswith("the server refuses a message (entry ")
    assert reason.endswith(" is muted (MUTED_DETECTORS)")


def test_a_topic_that_is_not_there(system: System) -> None:
    missing = system.broker.url("not-there")
    assert drill(system, settings={"CONNECTION_TEST_TOPIC": missing}).reason().startswith("topic not-there does not ")
    assert drill(system, settings={"OBSERVATION_TOPIC": missing}).reason().startswith("topic not-there does not ")


def test_a_wrong_password(system: System, tmp_path: Path) -> None:
    write_auth(tmp_path, system.broker.address, password="quite wrong")
    moved = {
        name: url.replace(system.broker.plain_address, system.broker.address) for name, url in system.settings.items()
    }
    done = drill(system, settings={**moved, "HOP_AUTH": "true", "XDG_CONFIG_HOME": str(tmp_path)})
    assert done.reason().startswith(f"{system.broker.address} refuses the login: ")
    assert "quite wrong" not in done.err


@pytest.mark.services
@pytest.mark.parametrize(("topic", "permitted"), [("experiments", "READ"), ("testing", "DESCRIBE")])
def test_wrong_rights(kafka: KafkaServer, tmp_path: Path, topic: str, permitted: str) -> None:
    write_auth(tmp_path, kafka.address, mechanism="SCRAM-SHA-512")
    with closing(System(kafka, tmp_path, f"sqlite:///{tmp_path / 'snews_cs.sqlite'}")) as system:
        name = system.topics[topic].rpartition("/")[2]
        kafka.permit("topic", name, permitted)
        moved = {key: url.replace(kafka.plain_address, kafka.address) for key, url in system.settings.items()}
        done = drill(system, settings={**moved, "HOP_AUTH": "true", "XDG_CONFIG_HOME": str(tmp_path)})
        assert done.reason() == f"{kafka.address} does not permit the use of topic {name}"
        assert PASSWORD not in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_drill_has_not_passed_and_takes_all_back(system: System, number: int) -> None:
    topic = system.topics["experiments"]
    with ExitStack() as stack:
        stream = stack.enter_context(ObservationStream(topic, group_id="watcher", auth=False))
        process = start(system)
        stack.callback(process.kill)
        said = take(stream, 2)
        process.send_signal(number)
        done = Done(process)
        said += take(stream, 2)
    assert (done.code, done.title, done.err) == (1, "", "snews_cs: the drill was interrupted\n")
    assert history(system) == []
    assert len(said) == 4
    system.start()
    system.wait_for_entries(5)
    became = [entry.outcome.disposition for entry in system.journal() if entry.outcome is not None]
    assert became[-4:] == [Disposition.OPENED, Disposition.OPENED, Disposition.WITHDREW, Disposition.WITHDREW]
    assert live(system) == 0


def take(stream: ObservationStream, count: int) -> list[Any]:
    """Wait for so many messages of a topic."""
    found: list[Any] = []
    end = time.monotonic() + 3 * PATIENCE_S
    while len(found) < count and time.monotonic() < end:
        found += stream.batch(0.2, 100)
    return found


@pytest.mark.parametrize("is_well", [True, False])
def test_drills_go_on_until_told_to_stop(system: System, *, is_well: bool) -> None:
    if is_well:
        system.start()
    else:
        system.start().stop()
    with start(system, "--every", "0.1 s", *([] if is_well else ["--within", "0.1 s"])) as process:
        end = time.monotonic() + 3 * PATIENCE_S
        while len(history(system)) < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
        process.terminate()
        done = Done(process)
    assert done.code == 0
    results = {each["problem"] is None for each in history(system)}
    assert results == {is_well}
