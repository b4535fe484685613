"""The tests of the server can fail: break one rule at a time, and those named for it find it out.

Each takes a run of pytest of its own: ``SNEWS_CS_TEST_PROFILE=thorough`` asks for them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snews_cs.server import loop
from tests.coincidence.test_state_machine import THOROUGH
from tests.server.breaking import RULES, VARIABLE
from tests.support.breaking import import_broken

NOTICED = 1
"""Exit code of pytest when tests have failed."""


@pytest.mark.skipif(not THOROUGH, reason="takes minutes: SNEWS_CS_TEST_PROFILE=thorough")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_noticed(tmp_path: Path, rule: str) -> None:
    _, noticed_by = RULES[rule]
    options = [
        "-p",
        "tests.server.breaking",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path}/run",
        "-q",
        "-x",
        "--timeout=20",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"tests/server/test_{noticed_by}.py"],
        env={**os.environ, VARIABLE: rule},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == NOTICED, run.stdout + run.stderr


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_broken_where_it_stands(rule: str) -> None:
    broken, _ = RULES[rule]
    name = f"snews_cs.server.{broken.module}"
    modules = import_broken({name: (broken.says, broken.instead)}, {"snews_cs.server"}, set(), {name, loop.__name__})
    assert modules[loop.__name__].CoincidenceServer is not loop.CoincidenceServer


def test_there_are_rules_to_break() -> None:
    assert len(RULES) > 40
