"""What is put together around a server, and taken down with it."""

import json
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.monitoring.metrics import Metrics
from snews_cs.monitoring.start import OFF, monitored
from snews_cs.monitoring.statistics import ConsumerWatch
from snews_cs.server.observer import Nobody, Observer, Standing
from tests.monitoring.conftest import Topic
from tests.monitoring.test_watchdog import address, systemd  # noqa: F401
from tests.server.conftest import lines  # noqa: F401
from tests.storage.builders import T0, make_alert, make_alerting
from tests.support.systemd import Systemd

Lines = list[dict[str, object]]


def tell_all(observer: Observer) -> None:
    """Tell an observer all there is to tell."""
    entry = make_alerting(1)
    observer.ready()
    observer.journaled([entry])
    observer.acknowledged(entry, make_alert())
    observer.round_done(Standing(sequence=1), Engine())
    observer.stopping()


def test_nobody_may_watch() -> None:
    tell_all(Nobody())


def test_pages_and_systemd(
    systemd: Systemd,  # noqa: F811
    address: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    lines: Lines,  # noqa: F811
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    with monitored(ConsumerWatch(Metrics(), "t"), Topic(), address="127.0.0.1:0", now=lambda: T0) as monitor:
        tell_all(monitor)
        pages = str(lines[0]["address"])
        with urlopen(f"http://{pages}/healthz", timeout=10) as response:
            assert json.load(response)["status"] == "OK"
    assert systemd.heard() == ["READY=1", "STATUS=OK", "WATCHDOG=1", "STOPPING=1"]
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(pages.rpartition(":")[2]))):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "203.0.113.1"])
def test_an_address_that_cannot_be_taken_is_a_warning(host: str, lines: Lines) -> None:  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"{host}:{taken.getsockname()[1]}"
        with monitored(ConsumerWatch(Metrics(), "t"), Topic(), address=where, now=lambda: T0) as monitor:
            tell_all(monitor)
    assert [(line["event"], line["log_level"], line["address"]) for line in lines] == [
        ("no health and metrics", "warning", where)
    ]


def test_no_port_is_opened_if_it_is_off(lines: Lines) -> None:  # noqa: F811
    with monitored(ConsumerWatch(Metrics(), "t"), Topic(), address=OFF, now=lambda: T0) as monitor:
        tell_all(monitor)
    assert lines == []
