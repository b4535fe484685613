"""The two pages, over HTTP."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from snews_cs import __version__
from snews_cs.monitoring.doctor.finding import Level
from snews_cs.monitoring.doctor.machine import check_server
from snews_cs.monitoring.health import MOST_AT_ONCE, MonitoringServer
from tests.monitoring.conftest import Watched


@pytest.fixture
def server(watched: Watched) -> Iterator[MonitoringServer]:
    """Give the pages of a server that is ready."""
    with MonitoringServer("127.0.0.1:0", watched.monitor) as server:
        yield server


def get(server: MonitoringServer, path: str) -> tuple[int, str, str]:
    """Return status, content type and content of a page."""
    try:
        with urlopen(f"http://{server.address}{path}", timeout=10) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_healthy(server: MonitoringServer, watched: Watched) -> None:
    watched.round(sequence=7)
    status, content_type, content = get(server, "/healthz")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(content) == {
        "status": "OK",
        "problems": [],
        "warnings": [],
        "version": __version__,
        "journal": 7,
    }


def test_a_warning(server: MonitoringServer, watched: Watched) -> None:
    for _ in range(2):
        watched.round(60)
    status, _, content = get(server, "/healthz")
    warnings = ["too few detectors online to see a coincidence: none"]
    assert (status, json.loads(content)["status"], json.loads(content)["warnings"]) == (200, "WARNING", warnings)
    finding = check_server(server.address)
    assert (finding.level, finding.text) == (Level.WARNING, f"at {server.address}: {warnings[0]}")


def test_a_warning_of_what_runs_beside_the_server(server: MonitoringServer, watched: Watched) -> None:
    watched.beside.append("run-mailer cannot use its settings: it does not run")
    status, _, content = get(server, "/healthz")
    assert (status, json.loads(content)["status"]) == (200, "WARNING")
    assert json.loads(content)["warnings"] == watched.beside


def test_not_healthy(server: MonitoringServer, watched: Watched) -> None:
    watched.round(degraded="the store is away", unpublished=1, unpublished_since_ns=watched.now_ns - 20 * 10**9)
    status, _, content = get(server, "/healthz")
    assert status == 503
    assert json.loads(content) == {
        "status": "FAILING",
        "problems": ["DEGRADED: the store is away", "1 alerts not published for 20 s"],
        "warnings": [],
        "version": __version__,
        "journal": 0,
    }


def test_metrics_are_prometheus_text(server: MonitoringServer) -> None:
    status, content_type, content = get(server, "/metrics?all")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert "# TYPE snews_cs_journal_sequence gauge\nsnews_cs_journal_sequence 0.0\n" in content
    assert "snews_cs_build_info{" in content


def test_nothing_else_is_there(server: MonitoringServer) -> None:
    assert get(server, "/")[0] == 404
    assert get(server, "/healthz/..")[0] == 404
    with pytest.raises(HTTPError, match="501") as caught:
        urlopen(Request(f"http://{server.address}/metrics", method="POST", data=b"x"), timeout=10)
    caught.value.close()


def test_a_port_that_is_taken(server: MonitoringServer, watched: Watched) -> None:
    with pytest.raises(OSError, match="in use"):
        MonitoringServer(server.address, watched.monitor)


def test_clients_that_say_nothing_are_bounded_and_hold_up_no_end(watched: Watched) -> None:
    with ExitStack() as stack:
        server = MonitoringServer("127.0.0.1:0", watched.monitor)
        host, _, port = server.address.rpartition(":")
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        turned_away = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        assert turned_away.recv(1) == b""
        server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10)


def test_a_client_that_leaves_early_does_no_harm(server: MonitoringServer) -> None:
    host, _, port = server.address.rpartition(":")
    for _ in range(2 * MOST_AT_ONCE):
        connection = HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/metrics")
        connection.close()
    answer: HTTPResponse | None = None
    while answer is None:  # those before it may still be on their way out
        connection = HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/healthz")
        try:
            answer = connection.getresponse()
        except ConnectionError:
            connection.close()
    assert answer.status == 200
    connection.close()
