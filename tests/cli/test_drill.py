"""``snews_cs drill`` where there is nothing to drill (with a server: tests/e2e/test_drill.py)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.server import PATIENCE_S, SNEWS_CS

NOWHERE = "127.0.0.1:1"


def drill(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SNEWS_CS, "--log-format", "json", "drill", *options],
        env={
            **os.environ,
            "HOP_BROKER": NOWHERE,
            "HOP_AUTH": "false",
            "DATABASE_SERVER": f"sqlite:///{directory / 'none.sqlite'}",
            "DRILL_HISTORY": str(directory / "drills.jsonl"),
        },
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )


def test_no_broker(tmp_path: Path) -> None:
    done = drill(tmp_path)
    assert done.returncode == 1
    title, *report = done.stdout.splitlines()
    assert title.startswith(f"FAILED: broker {NOWHERE} does not answer: ")
    assert [line.split(maxsplit=1)[1] for line in report[1:]] == [
        "-",
        f"? DATABASE_SERVER: there is no store at {tmp_path / 'none.sqlite'}",
        "-",
        "-",
    ]
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["level"], last["event"]) == ("critical", "DRILL FAILED")
    assert json.loads((tmp_path / "drills.jsonl").read_text())["problem"] == last["reason"]


def test_no_drills_yet(tmp_path: Path) -> None:
    done = drill(tmp_path, "--history")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["STARTED", "ACKNOWLEDGED", "JOURNALED", "ALERT", "RETRACTION", "RESULT"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--every", "often"], "Invalid value for '--every': 'often' is not a length of time such as"),
        (["--every", "0"], "Invalid value for '--every': must be longer than 0"),
        (["--retract", "2"], "Invalid value for '--retract': 2.0 is not in the range 0<=x<=1."),
        (["--data", "x"], "snews_cs: --data goes with --embedded"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, options: list[str], said: str) -> None:
    done = drill(tmp_path, *options)
    assert done.returncode == 2
    assert said in done.stderr
