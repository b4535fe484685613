"""What the developers' page says how to do can be done."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from snews_cs.messages.decoders import DECODERS, decode
from snews_cs.messages.types import Observation
from tests.docs.pages import DOCS, ROOT, blocks, shell_lines
from tests.support.samples import json_message

PAGE = DOCS / "developers.md"


def test_every_directory_of_tests_is_explained() -> None:
    table = PAGE.read_text().partition("| In `tests/` |")[2].partition("\n\n")[0]
    explained = {name for row in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE) for name in re.findall(r"\w+", row)}
    assert explained == {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}


def test_a_decoder_is_added_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = blocks(PAGE, "python")
    module: dict[str, Any] = {}
    exec(compile(shown, str(PAGE), "exec"), module)
    theirs = {"a new client": module["decode"], **DECODERS}
    monkeypatch.setattr("snews_cs.messages.decoders.DECODERS", theirs)
    message = decode(json_message(experiment="LVD", t0="2026-11-21T12:30:00Z", p_val=0.5)).message
    assert isinstance(message, Observation)
    assert (message.detector_name, message.p_value) == ("LVD", 0.5)
    assert isinstance(
        decode(json_message(detector_name="LVD", neutrino_time="2026-11-21T12:30:00Z")).message, Observation
    )


def test_the_wheel_has_all_that_the_package_needs(tmp_path: Path) -> None:
    (line,) = (line for line in shell_lines(PAGE) if " pip wheel " in line.replace(".venv/bin/", " "))
    words = line.replace(".venv/bin/pip", f"{sys.executable} -m pip").replace("dist", str(tmp_path)).split()
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("snews_cs-*.whl")
    package = ROOT / "snews_cs"
    there = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    with ZipFile(wheel) as packed:
        assert {name for name in there if "__pycache__" not in name} <= set(packed.namelist())


def test_the_changelog_knows_the_version() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    releases = re.findall(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == "Unreleased"
    assert version in releases or releases == ["Unreleased"]
