"""The quickstart, typed as it stands (on another port)."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import CLIENTS, NEWEST
from tests.docs.desk import type_in
from tests.docs.pages import DOCS, blocks
from tests.support.server import PATIENCE_S, SNEWS_CS, ServerProcess

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


@pytest.mark.client
def test_with_snews_pt(tmp_path: Path) -> None:
    page, section = DOCS / "quickstart.md", "With snews_pt"
    broker_line, server_line, typed = blocks(page, "console", section=section)
    (auth,) = blocks(page, "toml", section=section)
    (settings,) = blocks(DOCS / "detectors.md", "sh", section=section)
    broker, plain = (f"127.0.0.1:{_free_port()}" for _ in range(2))

    def meant(shown: str) -> str:
        return shown.replace("kafka.scimma.org", broker).replace(SHOWN, broker).replace("127.0.0.1:9093", plain)

    credentials = tmp_path / "config" / "hop" / "auth.toml"
    credentials.parent.mkdir(parents=True)
    credentials.write_text(meant(auth))
    credentials.chmod(0o600)
    (tmp_path / "local.env").write_text(meant(settings))
    assert server_line.strip() == "$ HOP_BROKER=127.0.0.1:9093 snews_cs run-coincidence --embedded"
    ports = {"9092": broker.rpartition(":")[2], "9093": plain.rpartition(":")[2], "snews_cs": str(SNEWS_CS)}
    command = [ports.get(word, word) for word in broker_line.replace("\\\n", "").removeprefix("$ ").split()]
    environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for_listener(plain)
            with ServerProcess(plain, tmp_path / "data", settings={}):
                desk = {**environment, "HOME": str(tmp_path), "PYTHONPATH": ""}
                bin_directory = CLIENTS[NEWEST] / "bin"
                line = typed.splitlines()[0]
                printed = type_in(line, tmp_path, instead={}, programs=bin_directory, environment=desk)
        finally:
            process.terminate()
    assert "You (XENONnT) have a connection to the server" in printed


def _wait_for_listener(address: str) -> None:
    host, _, port = address.partition(":")
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end, f"nobody listens on {address}"
            time.sleep(0.05)
        else:
            return


def _type(block: str, directory: Path, broker: str) -> str:
    return type_in(block, directory, instead={SHOWN: broker}, programs=Path(sys.executable).parent)


def _types(printed: str) -> list[str]:
    return [json.loads(line)["alert_type"] for line in printed.splitlines() if line.startswith("{")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
