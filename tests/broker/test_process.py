"""The broker as a process: how it starts, stops, and says that it cannot."""

import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from snews_cs.broker.process import BrokerNotStarted, BrokerProcess, start_broker
from snews_cs.cli import main
from tests.broker.clients import PATIENCE, end_offset, write

COMMAND = [sys.executable, "-m", "snews_cs", "broker"]


def test_what_was_acknowledged_is_there_after_a_stop(tmp_path: Path) -> None:
    with start_broker(tmp_path) as process:
        assert process.address == process.plain_address
        assert os.getpgid(process.pid) != os.getpgid(0)  # Ctrl-C is for its parent
        write(process.address, "t", [b"a", b"b"])
    process.stop()
    process.kill()  # neither harms the dead
    with start_broker(tmp_path) as process:
        assert end_offset(process.address, "t") == 2
        assert write(process.address, "t", [b"c"]) == [2]


def test_with_users_there_may_be_two_listeners(broker: BrokerProcess) -> None:
    assert len(set(broker.ports)) == 2
    assert broker.address == f"127.0.0.1:{broker.ports[0]}"
    assert broker.url("t") == f"kafka://127.0.0.1:{broker.ports[1]}/t"


def test_it_listens_on_the_loopback_address_only(broker: BrokerProcess) -> None:
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {local for _, local, _, state, *_ in listening if state == "0A"}
    for port in broker.ports:
        assert f"0100007F:{port:04X}" in addresses
        assert f"00000000:{port:04X}" not in addresses


def test_no_second_broker_on_the_same_data(broker: BrokerProcess) -> None:
    with pytest.raises(BrokerNotStarted, match="another broker is using it"):
        start_broker(broker.config.data)


def test_a_port_in_use_is_said(broker: BrokerProcess, tmp_path: Path) -> None:
    with pytest.raises(BrokerNotStarted, match="in use"):
        start_broker(tmp_path, port=broker.ports[0])


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from snews_cs.broker.process import start_broker\n"
        "broker = start_broker(Path(sys.argv[1])); print(broker.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until it is ready; give it, and the line that says so."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_when_it_is_ready_and_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with command("--port", "0", "--data", str(tmp_path), "--topic", "there") as (process, ready):
        assert "ready" in ready
        address = ready.split("kafka://")[1].split()[0]
        assert write(address, "there", [b"x"]) == [0]
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")


def test_the_command_tells_both_addresses(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path), "--user", "anna:x:y", "--plain-port", "0")
    with command(*arguments) as (_, ready):
        assert ready.count("kafka://127.0.0.1:") == 2
        assert "x:y" not in ready


@pytest.mark.parametrize("what", ["port", "data", "file", "format", "topic"])
def test_what_cannot_be_used_is_one_line_and_exit_code_2(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_text("no log")
    (tmp_path / "full").mkdir()
    (tmp_path / "newer").mkdir()
    with closing(sqlite3.connect(tmp_path / "newer" / "log.sqlite")) as newer:
        newer.execute("PRAGMA user_version=99")
    (tmp_path / "full" / "log.sqlite").write_text("this is no SQLite file, " * 100)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        arguments = {
            "port": ["--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "new")],
            "data": ["--port", "0", "--data", str(tmp_path / "file" / "below")],
            "file": ["--port", "0", "--data", str(tmp_path / "full")],
            "format": ["--port", "0", "--data", str(tmp_path / "newer")],
            "topic": ["--port", "0", "--data", str(tmp_path / "new"), "--topic", "not/a/name"],
        }[what]
        done = CliRunner().invoke(main, ["broker", *arguments])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("snews_cs: cannot ")


def test_kio_does_not_bring_hypothesis_along(tmp_path: Path) -> None:
    """It would take a second, and leave a directory wherever a broker is started."""
    program = "import snews_cs.broker.server, sys; assert not [name for name in sys.modules if 'hypothesis' in name]"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_the_help_says_what_it_is_for() -> None:
    said = " ".join(CliRunner().invoke(main, ["broker", "--help"]).stdout.split())
    assert "It is for one machine" in said
    assert "Production is a Kafka cluster" in said
