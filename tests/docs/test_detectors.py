"""The detectors' page, typed as it stands (on another broker), and its programs."""

import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from snews_cs.broker.process import start_broker
from snews_cs.messages.types import ConnectionTest, Heartbeat, Observation, Retraction
from tests.conftest import CLIENTS, NEWEST
from tests.docs.desk import type_in
from tests.docs.pages import DOCS, blocks
from tests.support.broker import write_auth
from tests.support.server import PATIENCE_S
from tests.support.system import System

PAGE = DOCS / "detectors.md"
PROGRAM = DOCS / "examples" / "detector.py"
KINDS = (ConnectionTest, Heartbeat, Observation, Retraction)
NOW = datetime.now(UTC).isoformat()
SHOWN = "kafka://kafka.scimma.org/snews."


def topics(system: System) -> dict[str, str]:
    """Return what stands on the page, and where that is on the broker that asks for a login."""
    names = {"experiments-test": "experiments", "alert-test": "alert", "connection-testing": "testing"}
    broker = system.broker
    return {
        SHOWN + shown: system.topics[name].replace(broker.plain_address, broker.address)
        for shown, name in names.items()
    }


def _meant(shown: str, system: System) -> str:
    for each, meant in topics(system).items():
        shown = shown.replace(each, meant)
    return shown


def test_with_hop(system: System, tmp_path: Path) -> None:
    write_auth(tmp_path / "config", system.broker.address)
    system.start()
    window, typed, _ = blocks(PAGE, "console", section="With hop")
    assert window.strip() == f"$ hop subscribe {SHOWN}connection-testing"
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    bin_directory = Path(sys.executable).parent
    type_in(typed, tmp_path, instead=topics(system), programs=bin_directory, environment=environment)
    shown = [each for each in system.alerts(4, "testing") if each.get("detector_name") == "XENONnT"]
    assert [each["status"] for each in shown] == ["received"] * len(shown)
    assert shown
    alerts = [each for each in system.alerts(4, "testing") if "alert_type" in each]
    assert [each["alert_type"] for each in alerts] == ["TEST INITIAL", "TEST RETRACTION"]
    assert [each["detector_names"] for each in alerts] == [["TEST", "XENONnT"]] * 2


@pytest.mark.client
def test_with_snews_pt(system: System, tmp_path: Path) -> None:
    write_auth(tmp_path / "config", system.broker.address)
    system.start()
    (settings,) = blocks(PAGE, "sh", section="With snews_pt")
    (tmp_path / "local.env").write_text(_meant(settings, system))
    _, hop_lines, _ = blocks(PAGE, "console", section="With hop")
    (test_json,) = (line for line in hop_lines.splitlines() if line.endswith("> test.json"))
    (typed,) = blocks(PAGE, "console", section="With snews_pt")
    (program,) = blocks(PAGE, "python", section="With snews_pt")
    (tmp_path / "program.py").write_text(_meant(program, system))
    desk = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path), "PYTHONPATH": ""}

    def typing(lines: str) -> str:
        bin_directory = CLIENTS[NEWEST] / "bin"
        return type_in(lines, tmp_path, instead=topics(system), programs=bin_directory, environment=desk)

    assert "You (XENONnT) have a connection to the server" in typing(f"{test_json}\n{typed}")
    typing("python program.py")
    said = [entry.message for entry in system.wait_for_entries(6)[1:]]
    assert [(each.kind, each.detector_name, each.is_test) for each in said if isinstance(each, KINDS)] == [
        ("test-connection", "XENONnT", False),
        ("heartbeat", "XENONnT", False),
        ("observation", "XENONnT", True),
        ("observation", "XENONnT", False),
        ("retraction", "XENONnT", False),
    ]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Its module."""
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return import_module(PROGRAM.stem)


def test_the_class_is_used_as_shown(
    system: System, detector: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_auth(tmp_path / "config", system.broker.address)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (shown,) = blocks(PAGE, "python", section="With hop")
    (time,) = re.findall(r"\d{4}-[\dT:.-]+Z", shown)
    system.start()
    with detector.Detector(system.topics["experiments"], "LVD", auth=False) as other:
        message_uuid = other.observe(NOW)
    exec(compile(_meant(shown, system).replace(time, NOW), str(PAGE), "exec"), {})
    initial, retraction = system.alerts(2)
    assert (initial["alert_type"], initial["detector_names"]) == ("INITIAL", ["LVD", "XENONnT"])
    assert initial["message_uuids"][0] == message_uuid
    assert initial["p_values"] == [None, 0.01]
    assert (retraction["alert_type"], retraction["retracted_detector_names"]) == ("RETRACTION", ["XENONnT"])


def test_the_program_sends_heartbeats_and_says_off_at_the_end(system: System, tmp_path: Path) -> None:
    system.start()
    command = [sys.executable, str(PROGRAM), system.topics["experiments"], "LVD", "--no-auth"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL) as process:
        try:
            system.wait_for_entries(2)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    beats = [entry.message for entry in system.wait_for_entries(3)[1:]]
    assert [beat.status for beat in beats if isinstance(beat, Heartbeat)] == ["ON", "OFF"]


@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")  # adc-streaming's, of a message still on its way
def test_what_the_broker_does_not_acknowledge_is_told(
    detector: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "PATIENCE", timedelta(seconds=1))
    with start_broker(tmp_path) as broker:
        voice = detector.Detector(broker.url("nowhere"), "LVD", auth=False)
    with voice, pytest.raises(detector.NotSent, match="not acknowledged"):
        voice.heartbeat(on=True)
