"""Whatever happens to servers, store and broker, nothing is lost and nothing decided twice.

``SNEWS_CS_TEST_PROFILE=thorough`` plays thousands of seeds, ``python -m tests.protocol 20000`` as many as you like. A
seed that fails here fails everywhere: ``python -m tests.protocol --trace SEED`` prints what happens.
"""

import os
from collections import Counter

import pytest

from tests.protocol.play import Play
from tests.protocol.scenes import SCENES, Scene
from tests.protocol.site import Room

THOROUGH = os.environ.get("SNEWS_CS_TEST_PROFILE") == "thorough"
SEEDS = 5_000 if THOROUGH else 300
EACH = SEEDS // 10


@pytest.mark.timeout(0 if THOROUGH else 120)
@pytest.mark.parametrize("first", range(0, SEEDS, EACH))
def test_all_is_well_in_the_end(first: int) -> None:
    happened: Counter[str] = Counter()
    for seed in range(first, first + EACH):
        try:
            happened += Play(seed).run()
        except AssertionError as failure:
            failure.add_note(f"seed {seed}: python -m tests.protocol --trace {seed}")
            raise
    assert min(happened[what] for what in ("alone", "reconciliations", "claims", "conflicts", "crashes", "freezes")) > 0


def test_a_seed_determines_everything() -> None:
    for seed in range(20):
        first, again = Play(seed), Play(seed)
        assert first.run() == again.run()
        assert first.world.trace == again.world.trace


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_alerts_go_out_in_time(scene: Scene) -> None:
    scene(Room())
