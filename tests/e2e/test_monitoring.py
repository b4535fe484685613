"""The installed server, seen from outside: its pages while it works, and what systemd hears."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from snews_cs.monitoring.watchdog import WATCHDOG_EVERY_S
from tests.support.server import PATIENCE_S, ServerProcess
from tests.support.system import System, observation
from tests.support.systemd import Systemd

FROZEN_S = 3 * WATCHDOG_EVERY_S
"""How long a frozen server is given to feed its watchdog, which it cannot."""


def page(server: ServerProcess, path: str) -> tuple[int, str]:
    """Return status and content of one of a server's pages."""
    address = next(str(line["address"]) for line in server.log if line["event"] == "health and metrics")
    try:
        with urlopen(f"http://{address}{path}", timeout=PATIENCE_S) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics(server: ServerProcess) -> dict[str, float]:
    """Return the metrics; the samples of one name added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page(server, "/metrics")[1]):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_what_the_pages_tell(system: System) -> None:
    server = system.start({"MONITORING_ADDRESS": "127.0.0.1:0", "snews_cs_admin_pass": "open sesame"})
    for detector in ("JUNO", "XENONnT"):
        system.publish({"detector_name": detector, "tier": "Heartbeat", "detector_status": "ON"})
        system.publish(observation(detector))
    system.publish(b"nonsense")
    assert len(system.alerts(1)) == 1
    end = time.monotonic() + PATIENCE_S
    found = metrics(server)
    while found["snews_cs_refused_total"] < 1 or found["snews_cs_detectors_online"] < 2:
        assert time.monotonic() < end, found
        found = metrics(server)
    assert found["snews_cs_ready"] == found["snews_cs_observation_topic_open"] == found["snews_cs_build_info"] == 1
    assert found["snews_cs_journal_sequence"] == 6  # the parameters, too
    assert found["snews_cs_messages_total"] == 5
    assert found["snews_cs_received_to_journaled_seconds_count"] == 5
    assert found["snews_cs_alerts_total"] == 1
    assert found["snews_cs_journaled_to_acknowledged_seconds_count"] == 1
    assert found["snews_cs_neutrino_to_alert_seconds_count"] == 1
    assert found["snews_cs_neutrino_to_alert_seconds_sum"] >= 300
    assert found["snews_cs_unpublished_alerts"] == found["snews_cs_spool_messages"] == found["snews_cs_degraded"] == 0
    while "snews_cs_brokers" not in found or found["snews_cs_consumer_lag_messages"] > 0:
        assert time.monotonic() < end, found
        found = metrics(server)
    assert found["snews_cs_brokers"] == 1
    status, content = page(server, "/healthz")
    assert status == 200
    assert json.loads(content)["problems"] == []
    assert "sesame" not in content + page(server, "/metrics")[1]
    assert server.stop() == 0


def test_a_port_that_is_taken_ends_no_server(system: System) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = system.start({"MONITORING_ADDRESS": address})
        assert [line["address"] for line in server.log if line["event"] == "no health and metrics"] == [address]
        for detector in ("JUNO", "XENONnT"):
            system.publish(observation(detector))
        assert len(system.alerts(1)) == 1
        assert server.stop() == 0


def test_systemd_hears_of_the_loop_and_of_nothing_else(system: System, tmp_path: Path) -> None:
    with Systemd(str(tmp_path / "notify")) as systemd:
        server = system.start({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.wait_for("WATCHDOG=1")[0] == "READY=1"
        systemd.wait_for("WATCHDOG=1")
        os.kill(server.pid, signal.SIGSTOP)
        systemd.heard()
        time.sleep(FROZEN_S)
        assert systemd.heard() == []
        os.kill(server.pid, signal.SIGCONT)
        systemd.wait_for("WATCHDOG=1")
        assert server.stop() == 0
        assert systemd.heard()[-1] == "STOPPING=1"


def test_systemd_hears_what_is_wrong(system: System, tmp_path: Path) -> None:
    nowhere = f"kafka://{system.broker.plain_address}/{tmp_path.name}"
    with Systemd(str(tmp_path / "notify")) as systemd:
        settings = {"MONITORING_ADDRESS": "127.0.0.1:0", "NOTIFY_SOCKET": str(tmp_path / "notify")}
        server = system.start({**settings, "OBSERVATION_TOPIC": nowhere}, wait=False)
        server.wait_for(f"topic {tmp_path.name} does not exist")
        status = f"STATUS=topic {tmp_path.name} does not exist on {system.broker.plain_address}"
        end = time.monotonic() + PATIENCE_S
        while not any(said.startswith(status) for said in systemd.wait_for("WATCHDOG=1")):
            assert time.monotonic() < end
        code, content = page(server, "/healthz")
        assert code == 503
        assert json.loads(content)["status"] == "FAILING"
        assert server.stop() == 0
