"""schema: what a person prints to check messages with."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from snews_cs.schemas.catalogue import SCHEMAS, schema
from tests.cli.conftest import run
from tests.docs.pages import ROOT

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


@pytest.mark.parametrize("name", SCHEMAS)
def test_prints_each(name: str) -> None:
    result = run("schema", name)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema(name)


def test_lists_all() -> None:
    lines = run("schema").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(" ")] == list(SCHEMAS)
    assert [line for line in lines if not line.startswith(" ")] == ["Read", "Published", "Exported"]
    assert "  alert                  SNEWS coincidence alert" in lines


def test_one_that_is_not_there_is_one_line() -> None:
    result = run("schema", "nothing")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'nothing' is not one of 'observation'" in result.stderr


def test_the_installed_command_needs_no_settings_and_its_schema_checks_an_example(tmp_path: Path) -> None:
    path = tmp_path / "observation.json"
    with path.open("w") as stream:
        subprocess.run([SNEWS_CS, "schema", "observation"], stdout=stream, check=True, timeout=60, cwd=tmp_path)
    example = (ROOT / "etc" / "examples" / "super-k.json").read_text()
    jsonschema.Draft202012Validator(json.loads(path.read_text())).validate(json.loads(example))
