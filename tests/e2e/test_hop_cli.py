"""Detectors and subscribers that use hop's command line, and the files to publish by hand."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import write_auth
from tests.support.server import PATIENCE_S
from tests.support.system import System, observation

HOP = Path(sys.executable).with_name("hop")
EXAMPLES = Path(__file__).parents[2] / "etc" / "examples"


def hop(*arguments: str | Path, stdin: str = "") -> str:
    """Type ``hop ARGUMENTS``, and return what it prints."""
    done = subprocess.run(
        [HOP, *arguments], input=stdin, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def subscribe(url: str, *options: str) -> list[dict[str, Any]]:
    """Return the alerts that ``hop subscribe`` prints of a topic."""
    printed = hop("subscribe", *options, "--start-at", "EARLIEST", "--until-eos", url)
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def test_the_examples_tell_a_story(system: System) -> None:
    server = system.start()
    observations = system.topics["experiments"]
    hop("publish", "--no-auth", observations, EXAMPLES / "super-k.json")
    hop("publish", "--no-auth", "-f", "JSON", observations, EXAMPLES / "xenonnt.json")
    (initial,) = system.alerts(1, "testing")
    assert subscribe(system.topics["testing"], "--no-auth") == [initial]
    assert initial["alert_type"] == "TEST INITIAL"
    assert initial["detector_names"] == ["Super-K", "XENONnT"]
    assert initial["neutrino_times"] == ["2026-01-01T12:30:00.000000000Z", "2026-01-01T12:30:09.123456789Z"]
    later = [EXAMPLES / f"{name}.json" for name in ("heartbeat", "xenonnt-refined", "retraction")]
    hop("publish", "--no-auth", observations, *later)
    story = system.alerts(3, "testing")
    assert [alert["alert_type"] for alert in story] == ["TEST INITIAL", "TEST UPDATE", "TEST RETRACTION"]
    assert system.alerts(0) == []
    assert server.stop() == 0, server.log_text()
    assert [entry.verdict.reason for entry in system.journal()[1:]] == [None] * 5


def test_a_line_of_standard_input_is_a_message(system: System) -> None:
    system.start()
    real, marked = (
        "".join(json.dumps(observation(detector, p_val=0.5)) + "\n" for detector in pair)
        for pair in (("JUNO", "LVD"), ("XENONnT", "IceCube"))
    )
    hop("publish", "--no-auth", "-f", "JSON", system.topics["experiments"], stdin=real)
    hop("publish", "--no-auth", "-f", "JSON", "--test", system.topics["experiments"], stdin=marked)
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "LVD"]]
    (test_alert,) = system.alerts(1, "testing")
    assert (test_alert["alert_type"], test_alert["detector_names"]) == ("TEST INITIAL", ["IceCube", "XENONnT"])


def test_all_of_them_log_in(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_auth(tmp_path / "config", system.broker.address)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    system.start(credentials=tmp_path / "config")
    observations, alerts = (
        system.topics[name].replace(system.broker.plain_address, system.broker.address)
        for name in ("experiments", "alert")
    )
    for detector in ("JUNO", "LVD"):
        file = tmp_path / f"{detector}.json"
        file.write_text(json.dumps(observation(detector)))
        hop("publish", observations, file)
    found = system.alerts(1)
    assert [alert["detector_names"] for alert in found] == [["JUNO", "LVD"]]
    assert subscribe(alerts) == found
