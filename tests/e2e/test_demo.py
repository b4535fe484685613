"""``make run`` as a person sees it: the demonstration as a process, told as it is and with a wrong expectation."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "snews_cs.simulation.demo", "--pace", "0")
PATIENCE_S = 90.0


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Run it where a person's own settings name another broker, which must not matter."""
    environment = {**os.environ, "HOP_BROKER": "kafka.example.org", "OBSERVATION_TOPIC": "kafka://example.org/real"}
    return subprocess.run(
        [*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def story(*names: str) -> list[dict[str, Any]]:
    """Return some acts of the story that ships."""
    acts = json.loads(resources.files("snews_cs.simulation.demo").joinpath("story.json").read_text())
    return [act for act in acts if act["name"] in names]


def write(path: Path, acts: list[dict[str, Any]]) -> str:
    path.write_text(json.dumps(acts))
    return str(path)


def test_the_whole_story(tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    done = run("--svg", str(picture))
    shown = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout  # no colours where there is no terminal
    assert max(map(len, done.stdout.splitlines())) <= 80
    for fact in (
        "22 taken in, 9 of them heartbeats; 1 refused",
        "9 delivered, 9 expected",
        "Every alert that was expected came, and no other",
        "→ refined, sublist 2",
        "→ withdrew",
        "is 5 years in the future",
        "XENONnT, KamLAND +9 s",
        "KamLAND, Super-K +2 s",
        "SNO+, JUNO +4.25 s",
        "hop publish -f JSON --no-auth kafka://127.0.0.1:",
    ):
        assert fact in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert re.findall(r"ALERT (\w+) sublist (\d)", shown) == [
        ("INITIAL", "0"),
        ("INITIAL", "1"),
        ("INITIAL", "2"),
        ("UPDATE", "2"),
        ("RETRACTION", "1"),
        ("INITIAL", "3"),
        ("UPDATE", "3"),
        ("UPDATE", "3"),
        ("UPDATE", "3"),
    ]
    assert len(re.findall(r"[\d.]+ ms after the detector wrote", shown)) == 6
    assert picture.read_text().startswith("<svg")


def test_a_missing_and_a_surplus_alert_are_said_and_fail(tmp_path: Path) -> None:
    acts = story("first", "second")
    acts[0]["alerts"] = [{"alert": "RETRACTION", "detectors": ["XENONnT"]}]
    acts[1]["alerts"] = []
    done = run("--story", write(tmp_path / "story.json", acts))
    shown = " ".join(re.sub("[│╭╮╰╯]", " ", done.stdout).split())
    assert done.returncode == 1
    assert f"✗ {acts[0]['title']}: RETRACTION of XENONnT did not come" in shown
    assert f"✗ {acts[1]['title']}: INITIAL of KamLAND, XENONnT was not expected" in shown
    assert "Every alert that was expected" not in shown


def test_a_command_that_fails_is_shown_with_what_it_said(tmp_path: Path) -> None:
    acts = [{"name": "act", "title": "An act", "why": "", "arguments": ["--detectors", "Gallex"]}]
    done = run("--story", write(tmp_path / "story.json", acts))
    assert done.returncode == 1
    assert "'Gallex' is not a registered detector" in done.stdout


def test_interrupted_it_leaves_nothing() -> None:
    """The session's own check finds processes and files that are left."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "heartbeat" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130


def test_kept_up_it_shows_what_anybody_publishes(tmp_path: Path) -> None:
    """What it says to type is typed, and shown; Ctrl-C is then a good end."""
    arguments = (*COMMAND, "--keep", "--story", write(tmp_path / "story.json", story("first")))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = list(iter(process.stdout.readline, "What comes is shown here:\n"))
        typed = [line.strip() for line in lines if re.match(r"  (export|snews_cs simulate --print|hop publish) ", line)]
        publish = subprocess.run(
            ["bash", "-euc", "\n".join(typed)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert publish.returncode == 0, publish.stderr
        shown = [process.stdout.readline()]
        while "ALERT INITIAL" not in shown[-1]:
            shown.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0
    assert {line.split()[0] for line in shown if "observation" in line} == {"LZ", "DUNE"}
