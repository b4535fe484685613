"""What operators copy from etc/: systemd's units, Prometheus' alarms."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from snews_cs.monitoring.metrics import Metrics
from snews_cs.monitoring.watchdog import WATCHDOG_EVERY_S
from snews_cs.settings import load_settings
from tests.support.server import SNEWS_CS

ETC = Path(__file__).parents[2] / "etc"
PAGE = (ETC.parent / "docs" / "monitoring.md").read_text()
UNITS = sorted((ETC / "systemd").glob("*.service"))
TIMERS = sorted((ETC / "systemd").glob("*.timer"))
every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)


def read_unit(path: Path) -> ConfigParser:
    """Read a unit; of what is given twice the last counts here."""
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.parametrize("unit", [*UNITS, *TIMERS], ids=lambda path: path.name)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault(unit: Path, tmp_path: Path) -> None:
    for each in (*UNITS, *TIMERS):
        (tmp_path / each.name).write_text(each.read_text().replace("/opt/snews_cs/bin/snews_cs", str(SNEWS_CS)))
    here = tmp_path / unit.name
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@every_unit
def test_units_start_what_there_is(unit: Path) -> None:
    service = read_unit(unit)["Service"]
    program, *arguments = service["ExecStart"].split()
    assert program == "/opt/snews_cs/bin/snews_cs"
    done = subprocess.run([SNEWS_CS, *arguments, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    if service["Type"] == "oneshot":
        assert unit.with_suffix(".timer") in TIMERS
    else:
        assert service["Restart"] == "always"


@pytest.mark.parametrize("timer", TIMERS, ids=lambda path: path.name)
def test_timers_start_what_there_is(timer: Path) -> None:
    assert timer.with_suffix(".service") in UNITS
    assert read_unit(timer)["Install"]["WantedBy"] == "timers.target"


def test_the_watchdog_is_patient_enough() -> None:
    service = read_unit(ETC / "systemd" / "snews_cs.service")["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 20 * WATCHDOG_EVERY_S
    assert f"stands for {service['WatchdogSec']} s" in PAGE


def test_settings_are_the_same_from_systemds_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example file is for ``--env`` and for ``EnvironmentFile=``, which expands nothing."""
    path = ETC / "test-config.env"
    expected = load_settings(path)
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            monkeypatch.setenv(key, value)
    assert load_settings() == expected


def test_alarms_are_about_metrics_that_there_are() -> None:
    rules = (ETC / "prometheus" / "snews_cs.rules.yml").read_text()
    named = set(re.findall(r"snews_cs_\w+", "\n".join(_expressions(rules))))
    there = set()
    for metric in Metrics().describe():
        suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        there |= {metric.name + suffix for suffix in suffixes}
    assert named - there == set()
    assert len(named) > 10


def test_the_documentation_says_what_to_do_about_each_alarm() -> None:
    rules = (ETC / "prometheus" / "snews_cs.rules.yml").read_text()
    pages = dict(re.findall(r"- alert: (\w+)\n(?:.*\n)*? +labels: {severity: (\w+)}", rules))
    rows = re.findall(r"^\| (`Snews.+?) \| (yes|no) \|", PAGE, re.MULTILINE)
    told = {name: {"yes": "page", "no": "ticket"}[paged] for names, paged in rows for name in re.findall(r"\w+", names)}
    assert told == pages


def _expressions(rules: str) -> list[str]:
    return re.findall(r"expr: (?:>-\n)?(.*?)\n +(?:for|labels):", rules, re.DOTALL)
