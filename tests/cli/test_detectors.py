"""detectors: who is alive, as the store tells."""

import re
import time
from typing import Any

import pytest

from snews_cs.messages.times import NS_PER_S, format_utc, posix_from_tai
from tests.cli.conftest import NOW, Writer, run, seen


def beat(writer: Writer, detector: str, at_s: float, status: str = "ON", *, late_s: float = 0.5, **more: Any) -> None:
    """Let a heartbeat arrive ``at_s`` seconds after noon, ``late_s`` after it was written."""
    writer.now_ns = NOW + round(at_s * NS_PER_S)
    written = format_utc(writer.now_ns - round(late_s * NS_PER_S))
    said = {"detector_name": detector, "tier": "Heartbeat", "detector_status": status, "machine_time_utc": written}
    writer.say(said | more)


def rows(output: str) -> dict[str, list[str]]:
    """Return the cells of the table by detector."""
    table, _, _ = output.partition("\n\n")
    head, *lines = [re.split(r" {2,}", line) for line in table.splitlines()]
    assert head == ["DETECTOR", "STATUS", "LAST BEAT", "AGO", "BEATS", "INTERVAL", "SPREAD", "LATENCY", "MISSED"]
    return {line[0]: line[1:] for line in lines}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, 620)


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: posix_from_tai(NOW + seconds * NS_PER_S))


def test_the_table(writer: Writer) -> None:
    for at_s in (0, 60, 120, 180, 360, 420, 480, 540, 600):
        beat(writer, "JUNO", at_s, late_s=0.35 if at_s else -20)
    beat(writer, "LVD", 0)
    beat(writer, "KamLAND", 100, "OFF")
    beat(writer, "Super-K", 200, is_test=True)
    result = run("detectors")
    assert result.exit_code == 0
    assert rows(result.stdout) == {
        "JUNO": ["ON", "2026-11-21T12:40:00Z", "20 s", "9", "75 s", "39 s", "0.35 s", "2"],
        "KamLAND": ["OFF", "2026-11-21T12:31:40Z", "8 minutes", "1", "0.5 s", "0"],
        "LVD": ["silent", "2026-11-21T12:30:00Z", "10 minutes", "1", "0.5 s", "0"],
    }
    unheard = result.stdout.partition("Not heard in 7 days: ")[2].split(", ")
    assert "Super-K" in unheard
    assert not {"JUNO", "LVD", "KamLAND", "TEST"}.intersection(unheard)


def test_an_observation_counts_as_a_beat(writer: Writer) -> None:
    beat(writer, "JUNO", 0, "OFF")
    writer.now_ns = NOW + 600 * NS_PER_S
    writer.say(seen("JUNO"))
    assert rows(run("detectors").stdout)["JUNO"][:4] == ["ON", "2026-11-21T12:40:00Z", "20 s", "1"]


def test_tests_are_shown_when_asked_for(writer: Writer) -> None:
    beat(writer, "TEST", 600, is_test=True)
    assert rows(run("detectors").stdout) == {}
    assert rows(run("detectors", "--test").stdout)["TEST"][0] == "ON"


def test_when_a_detector_counts_as_offline_is_a_setting(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    beat(writer, "JUNO", 0)
    monkeypatch.setenv("HB_OFFLINE_AFTER", "3600")
    assert rows(run("detectors").stdout)["JUNO"][0] == "ON"


def test_a_clock_ahead_shows_as_a_negative_latency(writer: Writer) -> None:
    beat(writer, "JUNO", 600, late_s=-3)
    assert rows(run("detectors").stdout)["JUNO"][4] == "-3 s"


def test_without_a_store(address: str) -> None:
    assert run("detectors").exit_code != 0
