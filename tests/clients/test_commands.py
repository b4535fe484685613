"""The remote commands of the released clients: what the server makes of them; it keeps the password to itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from snews_cs.messages.types import BrokerChange, DisplayHeartbeats, GetFeedback, HardReset, Heartbeat
from tests.clients.conftest import PASSWORD, each_client, old_client
from tests.support.samples import sample
from tests.support.snews_pt import SnewsPt
from tests.support.system import System, observation
from tests.support.truth import read_journal


@pytest.mark.client
def test_reset_cache_empties_the_cache_that_it_names(system: System, snews_pt: SnewsPt) -> None:
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    for is_test in (False, True):
        system.publish(observation("JUNO", is_test=is_test))
    snews_pt.run("reset-cache", "--test")
    server.wait_for("caches emptied by hard-reset", lambda record: record["caches"] == "tests")
    for is_test in (False, True):
        system.publish(observation("XENONnT", 1, is_test=is_test))
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
    assert system.alerts(0, "testing") == []
    snews_pt.run("reset-cache")
    server.wait_for("caches emptied by hard-reset", lambda record: record["caches"] == "real")


@old_client
def test_reset_cache_of_old_means_the_real_one(system: System, snews_pt: SnewsPt) -> None:
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    for is_test in (False, True):
        system.publish(observation("JUNO", is_test=is_test))
    snews_pt.run("reset-cache")
    server.wait_for("caches emptied by hard-reset", lambda record: record["caches"] == "real")
    for is_test in (False, True):
        system.publish(observation("XENONnT", 1, is_test=is_test))
    assert [alert["detector_names"] for alert in system.alerts(1, "testing")] == [["JUNO", "XENONnT"]]
    assert system.alerts(0) == []


def test_reset_cache_as_recorded_of_snews_pt_1_4(system: System) -> None:
    """It is not on PyPI. It says ``is_test``, which 1.3 cannot, in the same JSON."""
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    asked = sample("snews_pt-1.4.0_cmd_reset_cache").fields | {"pass": PASSWORD}
    system.publish(asked)
    assert server.wait_for("caches emptied by hard-reset")["caches"] == "tests"
    system.publish(asked | {"is_test": False})
    assert server.wait_for("caches emptied by hard-reset")["caches"] == "real"


@each_client
def test_reset_cache_in_a_firedrill_empties_nothing_real(system: System, desk: Callable[..., SnewsPt]) -> None:
    settings = {"snews_cs_admin_pass": PASSWORD}
    topics = {"experiments": "alert", "experiments-firedrill": "alert-firedrill"}
    with system.start(settings), system.start(settings, options=["--firedrill"]) as drill:
        for topic in topics:
            system.publish(observation("JUNO"), topic=topic)
        drill.wait_for("observation")
        desk("XENONnT", firedrill=True).run("reset-cache")
        drill.wait_for("caches emptied by hard-reset")
        for topic in topics:
            system.publish(observation("XENONnT", 1), topic=topic)
        drill.wait_for("observation")
        assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
        assert system.alerts(0, "alert-firedrill") == []


@each_client
def test_commands_are_logged_and_answered(system: System, snews_pt: SnewsPt, tmp_path: Path) -> None:
    registry = tmp_path / "detectors.json"
    registry.write_text(json.dumps([{"name": "XENONnT", "emails": ["shift@example.org"]}]))
    server = system.start({"snews_cs_admin_pass": PASSWORD, "DETECTOR_REGISTRY": str(registry)})
    snews_pt.run("heartbeat", "--status", "ON")
    snews_pt.run("write-hb-logs")
    beat = server.wait_for("heartbeats", lambda record: record["event"] == "heartbeats")
    assert (beat["detector"], beat["status"]) == ("XENONnT", "ON")
    snews_pt.run("change-broker", "--brokername", "kafka.example.org")
    assert server.wait_for("broker-change is not supported")["asked"] == "kafka.example.org"
    snews_pt.run("get-feedback", stdin="other@example.org;shift@example.org\n")
    entries = system.wait_for_entries(5)[1:]
    assert server.stop() == 0
    assert [entry.verdict.reason for entry in entries] == [None] * 4
    assert [type(entry.message) for entry in entries] == [Heartbeat, DisplayHeartbeats, BrokerChange, GetFeedback]
    assert isinstance(entries[-1].message, GetFeedback)
    assert entries[-1].message.emails == ("shift@example.org",)


@each_client
def test_a_wrong_password_does_nothing_and_is_nowhere_to_be_read(system: System, desk: Callable[..., SnewsPt]) -> None:
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    system.publish(observation("JUNO"))
    desk("XENONnT", admin_password="a wrong guess").run("reset-cache")
    assert "wrong password" in server.wait_for("message refused")["reason"]
    system.publish(observation("XENONnT"))
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
    assert server.stop() == 0
    assert isinstance(read_journal(system.store)[2].message, HardReset)
    for secret in (PASSWORD, "a wrong guess"):
        assert secret not in server.log_text()
        for file in system.directory.glob("snews_cs.sqlite*"):
            assert secret.encode() not in file.read_bytes()
