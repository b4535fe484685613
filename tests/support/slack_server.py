"""A local HTTP server that plays Slack's Web API, as far as the bot uses it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

TOKEN, CHANNEL = "xoxb-for-tests-only", "C0SNEWS"


class Fault(NamedTuple):
    """What is answered instead of doing a request's will; ``drop`` does its will but breaks the connection."""

    status: int = 200
    body: str = ""
    retry_after: int | None = None
    drop: bool = False


class SlackServer:
    """Slack with one workspace, one token and one channel.

    ``faults`` are used up one by one, by the next requests to the method each is listed for.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[str] = []
        self.refusals: dict[str, str] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                server._serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/api/"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def fail(self, method: str, *faults: Fault) -> None:
        """Have the next requests to a method fail."""
        self.faults.setdefault(method, []).extend(faults)

    def close(self) -> None:
        """End it."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        method = request.path.removeprefix("/api/")
        self.requests.append(method)
        arguments = json.loads(request.rfile.read(int(request.headers["Content-Length"])) or b"{}")
        faults = self.faults.get(method)
        fault = faults.pop(0) if faults else None
        if fault is not None and not fault.drop:
            self._answer(request, fault.status, fault.body, fault.retry_after)
            return
        answer = self._do(method, request.headers["Authorization"], arguments)
        if fault is None:
            self._answer(request, 200, json.dumps(answer))
        else:
            request.close_connection = True

    def _do(self, method: str, authorization: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if authorization != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        if method in self.refusals:
            return {"ok": False, "error": self.refusals[method], "needed": "channels:read"}
        if method != "auth.test" and arguments["channel"] != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        if method == "chat.postMessage":
            self.messages.append(arguments["text"])
            return {"ok": True, "channel": CHANNEL, "ts": f"1700000000.{len(self.messages):06}"}
        return {"ok": True}

    def _answer(self, request: BaseHTTPRequestHandler, status: int, body: str, retry_after: int | None = None) -> None:
        content = body.encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json; charset=utf-8")
        request.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            request.send_header("Retry-After", str(retry_after))
        request.end_headers()
        request.wfile.write(content)


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """Run one for a while."""
    server = SlackServer()
    try:
        yield server
    finally:
        server.close()
