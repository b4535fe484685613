"""The quickstart, typed as it stands (on another port)."""

import json
import socket
import sys
from pathlib import Path

from tests.docs.desk import type_in
from tests.docs.pages import DOCS, blocks
from tests.support.server import ServerProcess

SHOWN = "127.0.0.1:9092"


def test_by_hand(tmp_path: Path) -> None:
    server_line, publish, subscribe, retract = blocks(DOCS / "quickstart.md", "console", section="By hand")
    assert server_line.strip() == "$ snews_cs run-coincidence --embedded"
    broker = f"127.0.0.1:{_free_port()}"
    with ServerProcess(broker, tmp_path / "data", settings={}) as server:
        _type(publish, tmp_path, broker)
        server.wait_for("PUBLISHING AN ALERT!!!")
        assert _types(_type(subscribe, tmp_path, broker)) == ["INITIAL"]
        *before, look = retract.splitlines()
        _type("\n".join(before), tmp_path, broker)
        server.wait_for("PUBLISHING AN ALERT!!!")
        assert _types(_type(look, tmp_path, broker)) == ["INITIAL", "RETRACTION"]


def _type(block: str, directory: Path, broker: str) -> str:
    return type_in(block, directory, instead={SHOWN: broker}, programs=Path(sys.executable).parent)


def _types(printed: str) -> list[str]:
    return [json.loads(line)["alert_type"] for line in printed.splitlines() if line.startswith("{")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
