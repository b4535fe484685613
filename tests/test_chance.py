"""What is left to chance: nothing in CI; elsewhere hypothesis's examples, the order of tests, and what they draw."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import CI_SEED, ROOT

DERANDOMIZED = """
import tests.conftest
from hypothesis import settings
from tests.coincidence.test_state_machine import TestPlay
print(settings.default.derandomize, TestPlay.settings.derandomize)
"""


def run(ci: str, *arguments: str) -> str:
    """Run Python in an environment where CI is set to something; return what it prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"CI": ci}, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(("ci", "expected"), [("true", "True True"), ("", "False False")])
def test_examples(ci: str, expected: str) -> None:
    assert run(ci, "-c", DERANDOMIZED).strip() == expected


@pytest.mark.parametrize("ci", ["true", ""])
def test_seed(ci: str) -> None:
    listed = run(ci, "-m", "pytest", "--collect-only", "-pno:cacheprovider", "tests/test_chance.py")
    seed = re.search(r"^Using --randomly-seed=(\d+)$", listed, re.MULTILINE)
    assert seed is not None, listed
    assert (int(seed[1]) == CI_SEED) == bool(ci)
