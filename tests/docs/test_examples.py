"""The programs on the pages, when something is wrong: a line that says what, and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.support.broker import Broker, write_auth
from tests.support.server import PATIENCE_S

NOBODY = "kafka://127.0.0.1:1/alerts"
ARGUMENTS = {"detector.py": ["LVD"], "follow_events.py": []}

every_program = pytest.mark.parametrize("program", ARGUMENTS)


@every_program
def test_no_login_file(program: str, tmp_path: Path) -> None:
    assert "auth.toml" in complaint(program, NOBODY, directory=tmp_path)


@every_program
def test_a_wrong_password(program: str, broker: Broker, tmp_path: Path) -> None:
    write_auth(tmp_path, broker.address, password="wrong")
    line = complaint(program, f"kafka://{broker.address}/alerts", directory=tmp_path)
    assert "Authentication failed" in line or "is the login right?" in line


@every_program
def test_no_broker(program: str, tmp_path: Path) -> None:
    line = complaint(program, NOBODY, "--no-auth", directory=tmp_path)
    assert "Connection refused" in line or "is the broker there" in line


@pytest.mark.parametrize("broken", ["{", "[]", "\x00"])
def test_a_memory_that_cannot_be_read(broken: str, tmp_path: Path) -> None:
    (tmp_path / "events.json").write_text(broken)
    line = complaint("follow_events.py", NOBODY, "--no-auth", directory=tmp_path)
    assert "cannot use events.json" in line


def complaint(program: str, url: str, *options: str, directory: Path) -> str:
    """Run a program that gives up, and return its only line."""
    command = [sys.executable, str(DOCS / "examples" / program), url, *ARGUMENTS[program], *options]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(directory)}
    ended = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{program}: ")
    return line
