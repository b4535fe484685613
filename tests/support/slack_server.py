"""A local HTTP server that plays Slack's Web API, as far as the bot uses it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from tests.support.slack_blocks import faults_of

TOKEN, CHANNEL = "xoxb-for-tests-only", "C0SNEWS"

_READ_JSON = {"chat.postMessage", "chat.update"}


class Fault(NamedTuple):
    """What is answered instead of doing a request's will; ``drop`` does its will but breaks the connection."""

    status: int = 200
    body: str = ""
    retry_after: int | None = None
    drop: bool = False


@dataclass
class Post:
    """A message in the channel, or in the thread of another one; ``edits`` holds the texts that it had before."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    edits: list[str] = field(default_factory=list)

    @property
    def first_text(self) -> str:
        """The text that it was posted with."""
        return self.edits[0] if self.edits else self.text

    @property
    def headline(self) -> str:
        """What stands over it."""
        return str(self.blocks[0]["text"]["text"]) if self.blocks else self.text.partition("\n")[0]


class SlackServer:
    """Slack with one workspace, one token and one channel; what does not keep to Block Kit's limits it does not take.

    ``faults`` are used up one by one, by the next requests to the method each is listed for; ``refusals`` stay.
    ``lacks_tables`` plays a workspace that does not know them yet; ``closed_threads`` take no replies.
    """

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.lacks_tables = False
        self.closed_threads: set[str] = set()
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[str] = []
        self.refusals: dict[str, str] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_json = self.headers["Content-Type"].startswith("application/json")
                method = self.path.removeprefix("/api/")
                assert not body or is_json == (method in _READ_JSON), "other methods read forms only"
                arguments = json.loads(body) if body and is_json else dict(parse_qsl(body.decode()))
                server._serve(self, method, arguments)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/api/"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def messages(self) -> list[str]:
        """The texts of all messages, as they now are."""
        return [post.text for post in self.posts]

    def thread(self, post: Post) -> list[Post]:
        """Return the replies to a message."""
        return [each for each in self.posts if each.thread_ts == post.ts]

    def fail(self, method: str, *faults: Fault) -> None:
        """Have the next requests to a method fail."""
        self.faults.setdefault(method, []).extend(faults)

    def close(self) -> None:
        """End it."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _serve(self, request: BaseHTTPRequestHandler, method: str, arguments: dict[str, Any]) -> None:
        self.requests.append(method)
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
        match method:
            case "chat.postMessage":
                return self._post(arguments)
            case "chat.update":
                return self._update(arguments)
            case "chat.getPermalink":
                return {"ok": True, "permalink": permalink(arguments["message_ts"])}
        return {"ok": True}

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        blocks, thread_ts = arguments.get("blocks", []), arguments.get("thread_ts")
        if refusal := self._refusal(arguments["text"], blocks):
            return refusal
        if thread_ts is not None:
            if thread_ts in self.closed_threads:
                return {"ok": False, "error": "restricted_action_thread_locked"}
            assert any(post.ts == thread_ts and post.thread_ts is None for post in self.posts), "no reply to a reply"
        post = Post(f"1700000000.{len(self.posts) + 1:06}", arguments["text"], blocks, thread_ts)
        self.posts.append(post)
        return {"ok": True, "channel": CHANNEL, "ts": post.ts}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        assert arguments["parse"] == "none", "by default an edited text is parsed, unlike a posted one"
        if refusal := self._refusal(arguments["text"], arguments["blocks"]):
            return refusal
        found = [post for post in self.posts if post.ts == arguments["ts"]]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        found[0].edits.append(found[0].text)
        found[0].text, found[0].blocks = arguments["text"], arguments["blocks"]
        return {"ok": True, "channel": CHANNEL, "ts": found[0].ts}

    def _refusal(self, text: str, blocks: list[dict[str, Any]]) -> dict[str, Any] | None:
        if not 0 < len(text) <= 4000:
            return {"ok": False, "error": "msg_too_long" if text else "no_text"}
        faults = faults_of(blocks)
        if self.lacks_tables and any(block["type"] == "table" for block in blocks):
            faults = ["unsupported type: table"]
        return {"ok": False, "error": "invalid_blocks", "errors": faults} if faults else None

    def _answer(self, request: BaseHTTPRequestHandler, status: int, body: str, retry_after: int | None = None) -> None:
        content = body.encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json; charset=utf-8")
        request.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            request.send_header("Retry-After", str(retry_after))
        request.end_headers()
        request.wfile.write(content)


def permalink(ts: str) -> str:
    """Return the address of a message."""
    return f"https://snews.slack.com/archives/{CHANNEL}/p{ts.replace('.', '')}"


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """Run one for a while."""
    server = SlackServer()
    try:
        yield server
    finally:
        server.close()
