"""Whatever happens to servers, store and broker, nothing is lost and nothing decided twice.

``SNEWS_CS_TEST_PROFILE=thorough`` plays thousands of seeds, ``python -m tests.protocol 20000`` as many as you like. A
seed that fails here fails everywhere: ``python -m tests.protocol --trace SEED`` prints what happens.
"""

import os

import pytest

from tests.protocol.play import Play

THOROUGH = os.environ.get("SNEWS_CS_TEST_PROFILE") == "thorough"
SEEDS = 5_000 if THOROUGH else 300
EACH = SEEDS // 10


@pytest.mark.timeout(0 if THOROUGH else 120)
@pytest.mark.parametrize("first", range(0, SEEDS, EACH))
def test_all_is_well_in_the_end(first: int) -> None:
    for seed in range(first, first + EACH):
        play = Play(seed)
        if play.weather.servers == 1:  # several servers are to come
            play.run()


def test_a_seed_determines_everything() -> None:
    for seed in range(20):
        first, again = Play(seed), Play(seed)
        for play in (first, again):
            try:
                play.run()
            except AssertionError:
                assert play.weather.servers > 1
        assert first.world.trace == again.world.trace
