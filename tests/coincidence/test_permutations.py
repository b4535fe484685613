"""The sublists depend on the live observations alone, never on the order they came in."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import CacheKey
from snews_cs.messages.types import Observation
from tests.coincidence.trial import check_sublists

SECOND = 10**9
NOON = 1_700_000_000 * SECOND
CACHE = CacheKey(is_test=False, is_pre_sn=False)

Said = tuple[str, int]
"""Detector and neutrino time, ns after noon."""

CASES: dict[str, tuple[Sequence[Said], list[set[int]]]] = {
    "the README example and one between": (
        [("d1", 0), ("d2", 9 * SECOND), ("d3", 11 * SECOND), ("d4", 5 * SECOND), ("d5", 900 * SECOND)],
        [{0, 1, 3}, {1, 2, 3}, {4}],
    ),
    "a chain that overlaps all along": (
        [("d1", 0), ("d2", 6 * SECOND), ("d3", 12 * SECOND), ("d4", 18 * SECOND), ("d5", 24 * SECOND)],
        [{0, 1}, {1, 2}, {2, 3}, {3, 4}],
    ),
    "two clusters with an observation in both": (
        [("d1", 0), ("d2", 1), ("d3", 10 * SECOND), ("d4", 20 * SECOND - 1), ("d5", 20 * SECOND)],
        [{0, 1, 2}, {2, 3, 4}],
    ),
    "equal times, and the boundary to the nanosecond": (
        [("d1", 0), ("d2", 0), ("d3", 10 * SECOND), ("d4", 10 * SECOND + 1), ("d5", 10 * SECOND + 1)],
        [{0, 1, 2}, {2, 3, 4}],
    ),
    "one detector cries again and again": (
        [("d1", 0), ("d1", 3 * SECOND), ("d1", 8 * SECOND), ("d2", 9 * SECOND), ("d1", 12 * SECOND)],
        [{0, 1, 2, 3}, {1, 2, 3, 4}],
    ),
    "all alone": (
        [("d1", 0), ("d2", 11 * SECOND), ("d3", 22 * SECOND), ("d4", 33 * SECOND), ("d5", 44 * SECOND)],
        [{0}, {1}, {2}, {3}, {4}],
    ),
    "all together": (
        [("d1", 0), ("d2", 1 * SECOND), ("d3", 5 * SECOND), ("d4", 9 * SECOND), ("d5", 10 * SECOND)],
        [{0, 1, 2, 3, 4}],
    ),
}


@pytest.mark.parametrize(("said", "sublists"), CASES.values(), ids=CASES)
def test_every_order_of_five_observations_gives_the_same_sublists(
    said: Sequence[Said], sublists: list[set[int]]
) -> None:
    for order in permutations(range(5)):
        engine = Engine()
        for step, index in enumerate(order):
            name, time_ns = said[index]
            message = Observation(detector_name=name, message_uuid=str(index), neutrino_time_ns=NOON + time_ns)
            engine.apply(message, NOON + (1000 + step) * SECOND, f"key-{step}")
        cache = engine.caches[CACHE]
        check_sublists(cache.lines(), cache.sublists(), threshold_ns=10 * SECOND)
        message_of = {line.line_id: int(line.message_uuid) for line in cache.lines()}
        in_time = [{message_of[line_id] for line_id in sublist.line_ids} for sublist in cache.sublists()]
        assert sorted(in_time, key=sorted) == sorted(sublists, key=sorted), f"in the order {order}"
