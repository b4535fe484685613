"""The installed server on a machine whose clock is set, forwards and backwards, while it works."""

import os
from pathlib import Path

from tests.support.system import System, observation

SITE = """
import time
from pathlib import Path

clock = time.time_ns
time.time_ns = lambda: clock() + int(Path({offset!r}).read_text()) * 10**9
"""
"""What Python runs as it starts: it sets the clock of the process alone."""


def test_a_clock_that_is_set(system: System, tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(SITE.format(offset=str(offset)))
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    server = system.start({"PYTHONPATH": path})
    detectors = ("JUNO", "XENONnT", "LVD", "IceCube", "KamLAND")
    for number, (detector, offset_s) in enumerate(zip(detectors, (0, 30, -30, 30, 0), strict=True)):
        replaced = tmp_path / "next"
        replaced.write_text(str(offset_s))
        replaced.replace(offset)
        system.publish(observation(detector, number))
        server.wait_for("observation")
    alerts = system.alerts(4)
    assert [alert["detector_names"] for alert in alerts] == [list(detectors[:count]) for count in range(2, 6)]
    assert server.stop() == 0
    *_, second, third, fourth, _ = (entry.received_ns for entry in system.journal())
    assert second - third > 20 * 10**9 < fourth - third
    assert system.start().stop() == 0
    assert system.alerts(0) == alerts
