"""The files in ``etc/examples``, published by hand: ``hop publish``, and the alert in ``hop subscribe``."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.server import PATIENCE_S
from tests.support.system import System

HOP = Path(sys.executable).with_name("hop")
EXAMPLES = Path(__file__).parents[2] / "etc" / "examples"


def hop(*arguments: str) -> str:
    done = subprocess.run([HOP, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_of_them_raise_an_alert_the_third_updates_and_the_fourth_withdraws_it(system: System) -> None:
    server = system.start()
    for options, name in (
        ((), "heartbeat"),
        ((), "super-k"),
        (("-f", "JSON"), "xenonnt"),
        ((), "xenonnt-refined"),
        (("-f", "JSON"), "retraction"),
    ):
        hop("publish", "--no-auth", *options, system.topics["experiments"], str(EXAMPLES / f"{name}.json"))
    for _ in range(3):
        server.wait_for("PUBLISHING AN ALERT!!!")
    system.alerts(3, "testing")
    printed = hop("subscribe", "--no-auth", "--start-at", "EARLIEST", "--until-eos", system.topics["testing"])
    alerts = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert [alert["alert_type"] for alert in alerts] == ["TEST INITIAL", "TEST UPDATE", "TEST RETRACTION"]
    assert [alert["detector_names"] for alert in alerts] == [["Super-K", "XENONnT"]] * 3
    assert alerts[0]["neutrino_times"] == ["2026-01-01T12:30:00.000000000Z", "2026-01-01T12:30:09.123456789Z"]
    assert system.alerts(0) == []
