"""The installed ``snews_cs run-coincidence``: from a detector's message to an alert."""

import os
import pty
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from snews_cs.storage.local import local_storage
from snews_cs.storage.open import open_storage
from tests.storage.builders import make_entries
from tests.support.ports import free_port
from tests.support.server import PATIENCE_S, READY, SNEWS_CS, ServerProcess
from tests.support.system import System, observation
from tests.support.truth import read_rows

PASSWORD = "correct horse battery staple"


def test_readme_example_gives_two_alerts(system: System) -> None:
    system.start()
    for detector, offset_s in (("JUNO", 0), ("XENONnT", 9), ("IceCube", 11), ("LVD", 60)):
        system.publish(observation(detector, offset_s, p_val=0.1))
    alerts = system.alerts(2)
    assert [alert["alert_type"] for alert in alerts] == ["INITIAL", "INITIAL"]
    assert [alert["detector_names"] for alert in alerts] == [["JUNO", "XENONnT"], ["XENONnT", "IceCube"]]
    assert [alert["sub_list_number"] for alert in alerts] == [0, 1]
    assert len({alert["_id"] for alert in alerts}) == 2


def test_update_and_retraction(system: System) -> None:
    system.start()
    for detector, offset_s in (("JUNO", 0), ("XENONnT", 1), ("LVD", 2)):
        system.publish(observation(detector, offset_s))
    retraction = {"_id": "LVD_Retraction_x", "detector_name": "LVD", "retract_latest": 1, "is_test": False}
    system.publish(retraction)
    system.publish({**retraction, "_id": "JUNO_Retraction_x", "detector_name": "JUNO"})
    alerts = system.alerts(4)
    assert [alert["alert_type"] for alert in alerts] == ["INITIAL", "UPDATE", "UPDATE", "RETRACTION"]
    assert [alert["revision"] for alert in alerts] == [1, 2, 3, 4]
    assert len({alert["event_id"] for alert in alerts}) == 1
    assert [alert["supersedes"] for alert in alerts[1:]] == [alert["alert_uuid"] for alert in alerts[:-1]]
    assert [alert["retracted_detector_names"] for alert in alerts] == [[], [], ["LVD"], ["JUNO"]]
    assert alerts[-1]["detector_names"] == ["JUNO", "XENONnT"]


def test_tests_and_drills_stay_off_the_alert_topic(system: System) -> None:
    system.start()
    for detector in ("JUNO", "XENONnT"):
        system.publish(observation(detector, is_test=True))
    for detector in ("LVD", "IceCube"):
        system.publish(observation(detector), test=True)  # hop's own mark
    assert [alert["alert_type"] for alert in system.alerts(2, "testing")] == [
        "TEST INITIAL",
        "TEST UPDATE",
        "TEST UPDATE",
    ]
    assert system.alerts(0) == []


def test_firedrill_uses_its_own_topics(system: System) -> None:
    system.start(options=["--firedrill"])
    for detector in ("JUNO", "XENONnT"):
        system.publish(observation(detector, is_firedrill=True), topic="experiments-firedrill")
        system.publish(observation(detector))
    assert [alert["detector_names"] for alert in system.alerts(1, "alert-firedrill")] == [["JUNO", "XENONnT"]]
    assert system.alerts(0) == []


def test_bad_input_does_not_stop_the_loop(system: System) -> None:
    server = system.start()
    hostile = (b"[" * 100_000, b"\x80\x04cos\nsystem\n(S'id'\ntR.", b'{"a": NaN}')
    for junk in (None, b"", b"\xff\x00", b"{", b"null", *hostile):
        system.publish(junk)
    system.publish(observation("No such detector"))
    for detector in ("JUNO", "XENONnT"):
        system.publish(observation(detector))
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
    assert server.stop() == 0
    refused = read_rows(system.database, "quarantine")
    assert len(refused) == 9
    assert all(row["reason"] for row in refused)
    assert [row["value"] for row in refused[:2]] == [None, b""]


def test_connection_test_is_answered_in_both_forms(system: System) -> None:
    system.start()
    old = {"_id": "0_test-connection", "detector_name": "XENONnT", "time": "2026-11-21T06:41:16", "status": "sending"}
    new = {"id": "0_test-connection", "tier": "Heartbeat", "detector_name": "XENONnT", "meta": {"status": "sending"}}
    system.publish(old)
    system.publish(new)
    first, second = system.alerts(2, "testing")
    assert first == {**old, "status": "received"}
    assert second == {**new, "meta": {"status": "received"}}


def test_hard_reset_needs_the_password_and_leaves_no_trace_of_it(system: System) -> None:
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    reset = {"_id": "0_hard-reset", "detector_name": "XENONnT", "is_test": False, "meta": {}}
    system.publish(observation("JUNO"))
    system.publish({**reset, "pass": "a wrong guess"})
    system.publish({**reset, "pass": PASSWORD})
    system.publish(observation("XENONnT"))
    system.publish(observation("LVD", 1))
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["XENONnT", "LVD"]]
    assert server.stop() == 0
    for secret in (PASSWORD, "a wrong guess"):
        assert secret not in server.log_text()
        for file in system.directory.rglob("*"):
            assert file.is_dir() or secret.encode() not in file.read_bytes()
    assert sum("password" in str(record) for record in server.log) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_told_and_goes_on_where_it_stopped(system: System, number: signal.Signals) -> None:
    server = system.start()
    system.publish(observation("JUNO"))
    server.wait_for("observation")
    assert server.stop(number) == 0
    system.publish(observation("XENONnT", 1))
    second = system.start()
    assert [alert["detector_names"] for alert in system.alerts(1)] == [["JUNO", "XENONnT"]]
    assert second.stop() == 0
    assert sum(str(record["event"]).startswith("observation") for record in second.log) == 1
    assert sum(str(record["event"]).startswith(READY) for record in server.log) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_told_before_it_has_begun(tmp_path: Path, number: signal.Signals) -> None:
    """While its own broker starts; it ends with it."""
    settings = {"HOP_AUTH": "false", "MONITORING_ADDRESS": "off"}
    server = ServerProcess(f"127.0.0.1:{free_port()}", tmp_path, settings=settings, wait=False)
    server.wait_for("embedded broker started")
    assert server.stop(number) == 0
    assert all(record["level"] == "info" for record in server.log)


@pytest.fixture
def spool(system: System) -> Path:
    """Give the spool's directory of a server that was alone, and whose store holds something, too."""
    directory = system.directory / "spool" / "spool-test%20server"
    with closing(open_storage(system.database)) as store:
        store.prepare()
        store.append(make_entries(1, 3))
    with local_storage(directory) as disk:
        disk.prepare()
        disk.append(make_entries(1, 2))
    return directory


def test_dropdb_empties_the_store_and_the_spool(system: System, spool: Path) -> None:
    assert system.start(options=["--dropdb"]).stop() == 0
    assert [entry.raw.partition for entry in system.journal()] == [-1]  # the server's own, of its parameters
    with local_storage(spool) as disk:
        assert disk.last_sequence() == 0


def test_dropdb_of_what_is_not_there(system: System) -> None:
    assert system.start(options=["--dropdb"]).stop() == 0


def test_dropdb_asks_about_both_on_a_terminal(system: System, spool: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        done = subprocess.run(
            [SNEWS_CS, "run-coincidence", "--dropdb"],
            env=os.environ | system.settings | {"DATABASE_SERVER": system.database},
            stdin=theirs,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            text=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1
    assert f"all else in {system.database}, and the spool in {spool}?" in done.stdout
    assert len(system.journal()) == 3
    with local_storage(spool) as disk:
        assert disk.last_sequence() == 2
