"""The checks can fail: break one rule at a time, and the named tests or the plays find it out.

They are the same tests and plays that the engine passes. ``SNEWS_CS_TEST_PROFILE=thorough`` asks more: the plays alone,
which know nothing of the engine, must notice each.
"""

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from snews_cs.coincidence.engine import Engine
from tests.coincidence import (
    test_false_alarms,
    test_noise,
    test_other_servers,
    test_reconcile,
    test_spec_alerts,
    test_spec_cases,
    test_spec_lifetimes,
    test_undo_and_restart,
)
from tests.coincidence.breaking import broken_engine
from tests.coincidence.sky import Sky
from tests.coincidence.stage import PARAMETERS, random_play
from tests.coincidence.test_state_machine import THOROUGH
from tests.coincidence.trial import Trial
from tests.support.breaking import Break

NAMED = [
    test_spec_cases,
    test_spec_lifetimes,
    test_spec_alerts,
    test_false_alarms,
    test_other_servers,
    test_reconcile,
    test_noise,
    test_undo_and_restart,  # it takes longest
]
BREAKS = [
    Break(**row)
    for row in tomllib.loads(Path(__file__).with_name("broken_rules.toml").read_text(encoding="utf-8"))["break"]
]
FAULTS = (AssertionError, LookupError, ValueError)
"""What counts as noticed: a test that fails, and an engine that stumbles over what it should know."""


def named_tests() -> Iterator[Callable[[Sky], None]]:
    """Yield every named test that asks one sky, with each of its parameters."""
    for module in NAMED:
        for name, test in vars(module).items():
            if name.startswith("test_") and "sky" in signature(test).parameters:
                marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
                for values in product(*(parameters(*mark.args) for mark in marks)):
                    yield partial(test, **{key: value for each in values for key, value in each.items()})


def parameters(names: str | tuple[str, ...], values: list[Any]) -> list[dict[str, Any]]:
    """Return the arguments that one ``pytest.mark.parametrize`` stands for."""
    if isinstance(names, str):
        return [{names: value} for value in values]
    return [dict(zip(names, value, strict=True)) for value in values]


def fails_a_named_test(engine: type[Engine]) -> bool:
    """Whether any named test fails with that engine."""
    for test in named_tests():
        try:
            test(Sky(engine()))
        except FAULTS:
            return True
    return False


def fails_a_play(engine: type[Engine], plays: int) -> bool:
    """Whether that engine disagrees with the oracle in one of so many random plays."""
    for seed in range(plays):
        try:
            random_play(Trial(engine(PARAMETERS), PARAMETERS), seed, moves=150)
        except FAULTS:
            return True
    return False


@pytest.mark.timeout(0 if THOROUGH else 120)
@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.rule)
def test_a_broken_rule_is_noticed(broken: Break) -> None:
    engine = broken_engine(broken)
    if THOROUGH:
        assert fails_a_play(engine, plays=2_000)
    else:
        assert fails_a_named_test(engine) or fails_a_play(engine, plays=40)


def test_the_engine_itself_passes_the_same_checks() -> None:
    assert not fails_a_named_test(Engine)
    assert not fails_a_play(Engine, plays=5)


def test_there_are_named_tests_to_fail() -> None:
    assert len(list(named_tests())) > 80


def test_a_break_must_be_where_the_rule_stands() -> None:
    with pytest.raises(LookupError, match="0 times"):
        broken_engine(Break("no such rule", "cache", "say what", "never mind"))
