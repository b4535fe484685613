"""``/healthz`` and ``/metrics``, over HTTP, on one port of this machine."""

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, NamedTuple, Self

import structlog
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from snews_cs import __version__
from snews_cs.monitoring.monitor import Monitor

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 8
"""How many requests are answered at the same time; who comes then is sent away."""

PATIENCE_S = 5.0
"""How long a client may keep us waiting, s."""

_POLL_S = 0.1


class Page(NamedTuple):
    """What is answered."""

    status: HTTPStatus
    content_type: str
    content: bytes


def healthz(monitor: Monitor) -> Page:
    """Return the health page: a JSON object.

    ``status`` is OK, WARNING or FAILING; ``problems`` and ``warnings`` say why; ``version``; ``journal``, its length.
    """
    problems, warnings = monitor.problems(), monitor.warnings()
    content = {
        "status": "FAILING" if problems else "WARNING" if warnings else "OK",
        "problems": problems,
        "warnings": warnings,
        "version": __version__,
        "journal": monitor.sequence,
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return Page(status, "application/json", json.dumps(content).encode() + b"\n")


def metrics(monitor: Monitor) -> Page:
    """Return the metrics as Prometheus reads them."""
    return Page(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(monitor.metrics.registry))


PAGES = {"/healthz": healthz, "/metrics": metrics}


class MonitoringServer:
    """Answers ``GET /healthz`` (200, or 503 with what is wrong) and ``GET /metrics``, in threads of its own.

    It holds no secret and changes nothing; who can reach the address may read it.

    Parameters
    ----------
    address
        ``HOST:PORT``; port 0 takes any that is free.
    monitor
        What is told.

    Raises
    ------
    OSError
        If the address cannot be taken.
    """

    def __init__(self, address: str, monitor: Monitor) -> None:
        host, _, port = address.rpartition(":")
        self._http = _Server((host, int(port)), monitor)
        self.address = f"{host}:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_POLL_S,), name="monitoring", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """A thread for each request, and never more than :data:`MOST_AT_ONCE` of them."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], monitor: Monitor) -> None:
        self.monitor = monitor
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Take the port; the library's own way also asks the name service who we are, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if there is one left."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that has gone or was too slow."""
        if not isinstance(sys.exception(), OSError):
            log.error("a request for health or metrics could not be answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE_S

    def do_GET(self) -> None:  # http.server's name
        page = PAGES.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND, "Only /healthz and /metrics are here")
            return
        status, content_type, content = page(self.server.monitor)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        """Return what the pages say of the program that answers."""
        return "snews_cs"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Log nothing: who asks, asks every few seconds."""
