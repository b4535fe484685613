"""The engine against the oracle, against the frame, and against SPEC's invariants, after each of many moves.

``SNEWS_CS_TEST_PROFILE=thorough`` plays longer.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from snews_cs.coincidence.engine import Engine
from tests.coincidence.stage import PARAMETERS, Move, Stage, random_play
from tests.coincidence.trial import Trial

THOROUGH = os.environ.get("SNEWS_CS_TEST_PROFILE") == "thorough"
DATA = st.data()
pytestmark = pytest.mark.timeout(0 if THOROUGH else 600)


class Play(RuleBasedStateMachine):
    """Detectors, clocks and servers that do all they may; every move is checked by :class:`Trial`."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(Trial(Engine(PARAMETERS), PARAMETERS))

    def make(self, data: st.DataObject, *moves: Move) -> None:
        """Make one of the moves; hypothesis chooses which, and how."""
        move = data.draw(st.sampled_from(moves))
        move(self.stage, lambda options: data.draw(st.sampled_from(options)))

    @initialize(data=DATA, times=st.integers(0, 15))
    def begin(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self.make(data, Stage.observe)

    @rule(data=DATA, times=st.integers(1, 5))
    def observe(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self.make(data, *[Stage.observe] * 5, Stage.observe_at_the_end, Stage.cry_wolf)

    @rule(data=DATA, times=st.integers(1, 3))
    def refine(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self.make(data, Stage.refine)

    @rule(data=DATA)
    def say_again(self, data: st.DataObject) -> None:
        self.make(data, Stage.repeat, Stage.resend)

    @rule(data=DATA, times=st.integers(1, 3))
    def retract(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self.make(data, Stage.retract)

    @rule(data=DATA)
    def retract_otherwise(self, data: st.DataObject) -> None:
        self.make(data, Stage.retract_latest, Stage.retract_something_said)

    @rule(data=DATA)
    def retract_before_it_comes(self, data: st.DataObject) -> None:
        self.make(data, Stage.retract_before, Stage.observe_what_was_retracted)

    @rule(data=DATA)
    def let_time_pass(self, data: st.DataObject) -> None:
        self.make(data, *[Stage.pause] * 3, Stage.leap, Stage.leap_to_boundary, Stage.leap_to_quiet)

    @rule(data=DATA)
    def say_something_else(self, data: st.DataObject) -> None:
        self.make(
            data, Stage.heartbeat, Stage.all_heartbeats, Stage.something_else, Stage.hard_reset, Stage.replayed_reset
        )

    @rule(data=DATA)
    def reconcile(self, data: st.DataObject) -> None:
        self.make(data, *[Stage.reconcile] * 3, Stage.reconcile_again)

    @rule(data=DATA)
    def think_again(self, data: st.DataObject) -> None:
        self.make(data, Stage.undo, Stage.undo_and_again, Stage.settle, Stage.restart)


TestPlay = Play.TestCase
TestPlay.settings = settings(
    max_examples=2_000 if THOROUGH else 100,
    stateful_step_count=80 if THOROUGH else 40,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("seed", range(2_000 if THOROUGH else 40))
def test_long_random_play(seed: int) -> None:
    """The same moves, drawn at random: longer plays with fuller caches than hypothesis likes to make."""
    random_play(Trial(Engine(PARAMETERS), PARAMETERS), seed, moves=150)
