"""What the Publisher and the command line of the released client send becomes what it means."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from snews_cs.messages.times import format_utc, parse_utc
from snews_cs.messages.types import Heartbeat, Observation, SignificanceTier, TimingTier
from snews_cs.simulation.scenario import Scenario
from tests.clients.conftest import PASSWORD, old_client
from tests.support.scenarios import ALERTS, CLIENTS_SCENARIOS, SCENARIOS
from tests.support.snews_pt import SnewsPt
from tests.support.system import System
from tests.support.truth import read_journal

pytestmark = pytest.mark.client

BASE = datetime.now(UTC) - timedelta(minutes=5)


def seen(detector: str, offset_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return an observation as the client names its fields, its neutrino time ``offset_s`` after five minutes ago."""
    return {"detector_name": detector, "neutrino_time_utc": (BASE + timedelta(seconds=offset_s)).isoformat(), **more}


def test_a_pair_raises_an_alert_and_a_retraction_takes_it_back(system: System, snews_pt: SnewsPt) -> None:
    system.start()
    heartbeat, first, second, third = snews_pt.publish(
        {"tier": "Heartbeat", "detector_name": "KamLAND", "detector_status": "ON"},
        {"tier": "CoincidenceTier", **seen("XENONnT", p_val=0.07)},
        {"tier": "CoincidenceTier", **seen("Super-K", 9.5, p_val=0.01)},
        {"tier": "CoincidenceTier", **seen("JUNO", 5)},
    )
    assert heartbeat["tier"] == "Heartbeat"
    snews_pt.publish(
        {"tier": "Retraction", "detector_name": "JUNO", "retract_message_uuid": third["uuid"]},
        {"tier": "Retraction", "detector_name": "XENONnT", "retract_latest_n": 1, "retraction_reason": "a laser"},
    )
    initial, *updates, retraction = system.alerts(4)
    assert initial["alert_type"] == "INITIAL"
    assert initial["detector_names"] == ["XENONnT", "Super-K"]
    assert initial["neutrino_times"] == [first["neutrino_time_utc"], second["neutrino_time_utc"]]
    assert initial["p_values"] == [0.07, 0.01]
    assert initial["message_uuids"] == [first["uuid"], second["uuid"]]
    assert initial["detectors_online"] == ["KamLAND", "Super-K", "XENONnT"]
    assert [alert["detector_names"] for alert in updates] == [["XENONnT", "JUNO", "Super-K"], ["XENONnT", "Super-K"]]
    assert retraction["alert_type"] == "RETRACTION"
    assert retraction["retracted_detector_names"] == ["XENONnT"]


def test_a_combined_message_is_taken_apart(system: System, snews_pt: SnewsPt) -> None:
    server = system.start()
    combined = seen(
        "XENONnT",
        p_val=0.05,
        p_values=[0.4, 0.5],
        t_bin_width_sec=0.6,
        timing_series=[0, 302_000_000, 659_236_000],
        start_time_utc=BASE.isoformat(),
        detector_status="ON",
    )
    sent = snews_pt.publish(combined, {"tier": "TimingTier", **combined, "detector_name": "Super-K"})
    tiers = ["Heartbeat", "CoincidenceTier", "SignificanceTier", "TimingTier", "CoincidenceTier", "TimingTier"]
    assert [message["tier"] for message in sent] == tiers
    assert sent[-2]["uuid"] == sent[-1]["uuid"]
    (alert,) = system.alerts(1)
    assert alert["detector_names"] == ["Super-K", "XENONnT"]
    assert alert["p_values"] == [0.05, 0.05]
    server.wait_for("message archived", lambda record: record["detector"] == "Super-K")
    assert server.stop() == 0
    entries = read_journal(system.store)[1:]
    assert [entry.verdict.reason for entry in entries] == [None] * 6
    kinds = [Heartbeat, Observation, SignificanceTier, TimingTier, Observation, TimingTier]
    assert [type(entry.message) for entry in entries] == kinds


def test_the_command_line_publishes_files(system: System, desk: Callable[..., SnewsPt], tmp_path: Path) -> None:
    system.start()
    for detector, offset_s in (("XENONnT", 0), ("Super-K", 1)):
        file = tmp_path / f"{detector}.json"
        file.write_text(json.dumps(seen(detector, offset_s, p_val=0.1, is_test=True)))
        snews_pt = desk(detector)
        snews_pt.run("heartbeat", "--status", "ON")
        assert "Sent message to" in snews_pt.run("publish", "--verbose", "1", str(file))
    (alert,) = system.alerts(1, "testing")
    assert (alert["alert_type"], alert["detector_names"]) == ("TEST INITIAL", ["XENONnT", "Super-K"])


@old_client
def test_the_last_client_that_sent_json_publishes_retracts_and_beats(
    system: System, snews_pt: SnewsPt, tmp_path: Path
) -> None:
    system.start()
    snews_pt.run("heartbeat", "--status", "ON")
    for number, content in enumerate(
        (
            {"detector_name": "XENONnT", "neutrino_time": BASE.strftime("%Y-%m-%dT%H:%M:%S.%f"), "p_val": 0.07},
            {"detector_name": "Super-K", "neutrino_time": BASE.strftime("%Y-%m-%dT%H:%M:%S.%f"), "p_val": 0.01},
            {"detector_name": "Super-K", "retract_latest": 1, "retraction_reason": "a laser"},
        )
    ):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(content))
        snews_pt.run("publish", str(file))
    initial, retraction = system.alerts(2)
    assert (initial["alert_type"], initial["detector_names"]) == ("INITIAL", ["Super-K", "XENONnT"])
    assert initial["neutrino_times"] == [f"{BASE:%Y-%m-%dT%H:%M:%S.%f}000Z"] * 2
    assert (retraction["alert_type"], retraction["retracted_detector_names"]) == ("RETRACTION", ["Super-K"])
    assert [entry.verdict.reason for entry in system.journal()] == [None] * 5


def test_a_firedrill_as_the_client_rehearses_it(system: System, desk: Callable[..., SnewsPt], tmp_path: Path) -> None:
    system.start(options=["--firedrill"])
    for detector, offset_s in (("XENONnT", 0), ("JUNO", 0.4)):
        file = tmp_path / f"{detector}.json"
        times = [(BASE + timedelta(seconds=offset_s + later_s)).isoformat() for later_s in (0, 0.3, 0.7)]
        lists = {"timing_series": times, "p_values": [0.4, 0.5, 0.09, 0.04], "t_bin_width": 0.6}
        combined = seen(detector, offset_s, p_val=0.05, detector_status="ON", is_test="False", **lists)
        file.write_text(json.dumps(combined))
        desk(detector, firedrill=True).run("publish", str(file))
    (alert,) = system.alerts(1, "alert-firedrill")
    assert (alert["alert_type"], alert["detector_names"]) == ("INITIAL", ["XENONnT", "JUNO"])
    assert system.alerts(0) == []


def test_the_examples_of_the_client_are_taken(system: System, snews_pt: SnewsPt) -> None:
    server = system.start()
    files = sorted(map(str, snews_pt.shipped("test").glob("example_*.json")))
    assert len(files) == 5
    printed = snews_pt.run("publish", "--force", "--verbose", "1", *files)
    assert "rror" not in printed
    alerts = system.alerts(2, "testing")
    assert [alert["detector_names"] for alert in alerts] == [["KamLAND", "XENONnT"], ["IceCube", "KamLAND", "XENONnT"]]
    assert server.stop() == 0
    entries = read_journal(system.store)[1:]
    assert [entry.verdict.reason for entry in entries] == [None] * len(entries)
    assert len(entries) == printed.count("Sent message to")


def test_the_scenarios_of_the_client_come_out_as_they_are_meant(system: System, snews_pt: SnewsPt) -> None:
    system.start({"snews_cs_admin_pass": PASSWORD})
    snews_pt.script("scenarios")
    expected = [alert for name in CLIENTS_SCENARIOS.values() for alert in ALERTS[name]]
    alerts = system.alerts(len(expected), "testing")
    assert [(alert["alert_type"], " ".join(alert["detector_names"])) for alert in alerts] == expected


def test_our_scenarios_are_those_of_the_client(snews_pt: SnewsPt) -> None:
    epoch = parse_utc("2030-01-01T12:30:00Z")
    theirs = json.loads(snews_pt.shipped("auxiliary/scenarios.json").read_text())
    assert list(theirs) == list(CLIENTS_SCENARIOS)
    for observations, ours in zip(theirs.values(), CLIENTS_SCENARIOS.values(), strict=True):
        said = [cue.said for cue in Scenario.load(SCENARIOS[ours]).cues(epoch)]
        assert [
            {
                "detector_name": each.detector_name,
                "neutrino_time_utc": format_utc(each.neutrino_time_ns)[:26],
                "p_val": each.p_value,
                "is_test": each.is_test,
            }
            for each in said
            if isinstance(each, Observation)
        ] == observations
