"""Who is alive, as an operator sees it: in the log of the installed server, and with ``snews_cs detectors``."""

import os
import subprocess

from tests.support.server import PATIENCE_S, SNEWS_CS
from tests.support.system import System, observation

PASSWORD = "correct horse battery staple"


def beat(detector: str, status: str = "ON") -> dict[str, str]:
    return {"tier": "Heartbeat", "detector_name": detector, "detector_status": status}


def test_the_table_of_heartbeats(system: System) -> None:
    server = system.start({"snews_cs_admin_pass": PASSWORD})
    for said in (beat("JUNO"), beat("LVD"), beat("LVD", "OFF"), observation("Super-K")):
        system.publish(said)
    system.publish({"_id": "0_display-heartbeats", "detector_name": "JUNO", "pass": "a wrong guess", "meta": {}})
    system.publish({"_id": "0_display-heartbeats", "detector_name": "JUNO", "pass": PASSWORD, "meta": {}})
    server.wait_for("heartbeats shown")
    assert {record["detector"]: record["status"] for record in server.log if record["event"] == "heartbeats"} == {
        "JUNO": "ON",
        "LVD": "OFF",
        "Super-K": "ON",
    }
    environment = {**os.environ, "DATABASE_SERVER": system.database}
    shown = subprocess.run(
        [str(SNEWS_CS), "detectors"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout
    rows = {line.split()[0]: line.split()[1] for line in shown.splitlines() if line}
    assert (rows["JUNO"], rows["LVD"], rows["Super-K"]) == ("ON", "OFF", "ON")
    assert "XENONnT" in shown.partition("Not heard in 7 days: ")[2]
    assert server.stop() == 0
    assert sum(record["event"] == "heartbeats shown" for record in server.log) == 1
