"""The cache as a table, and the vectorised definition of sublists."""

import random
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from snews_cs.coincidence.frame import assign_sublists, cache_frame
from snews_cs.coincidence.types import CacheKey, LineRecord, SublistRecord

CACHE = CacheKey(is_test=False, is_pre_sn=False)
SECOND = 10**9
NOON = 1_700_000_000 * SECOND
DTYPES = {
    "detector_name": pd.Series(dtype="str").dtype,
    "neutrino_time_ns": np.dtype("int64"),
    "p_value": np.dtype("float64"),
    "message_uuid": pd.Series(dtype="str").dtype,
    "received_time": np.dtype("int64"),
    "sub_list_num": np.dtype("int64"),
    "neutrino_time_delta": np.dtype("timedelta64[ns]"),
    "is_initial": np.dtype("bool"),
}


def line(line_id: int, time_ns: int, detector_name: str = "JUNO", p_value: float | None = None) -> LineRecord:
    return LineRecord(
        line_id=line_id,
        cache=CACHE,
        detector_name=detector_name,
        neutrino_time_ns=NOON + time_ns,
        p_value=p_value,
        message_uuid=f"uuid-{line_id}",
        received_ns=NOON + time_ns + SECOND,
        expires_ns=NOON + time_ns + 86_400 * SECOND,
    )


def sublist(number: int, *line_ids: int) -> SublistRecord:
    return SublistRecord(cache=CACHE, number=number, line_ids=line_ids, event_id=None, revision=0)


def readme_frame() -> pd.DataFrame:
    """12:30:00, 12:30:09, 12:30:11, and one much later; numbered as after an odd history."""
    lines = [
        line(4, 0, "Super-K", 0.5),
        line(5, 9 * SECOND, "IceCube"),
        line(6, 11 * SECOND, "JUNO", 0.0),
        line(9, 5000 * SECOND, "SNO+"),
    ]
    return cache_frame(lines, [sublist(2, 5, 6), sublist(3, 4, 5), sublist(7, 9)])


def windows(frame: pd.DataFrame) -> list[list[int]]:
    """Line ids of each sublist of a frame, in order of its number."""
    return [list(rows.index) for _, rows in frame.groupby("sub_list_num")]


def frame_of(times_ns: Sequence[int]) -> pd.DataFrame:
    """Frame of observations with no sublists worth looking at."""
    lines = [line(line_id, time_ns) for line_id, time_ns in enumerate(times_ns)]
    return cache_frame(lines, [sublist(number, number) for number in range(len(times_ns))])


def test_frame_has_one_row_for_each_observation_in_each_sublist() -> None:
    frame = readme_frame()
    assert frame.index.name == "line_id"
    assert list(frame.index) == [5, 6, 4, 5, 9]
    assert list(frame["sub_list_num"]) == [2, 2, 3, 3, 7]
    assert list(frame["detector_name"]) == ["IceCube", "JUNO", "Super-K", "IceCube", "SNO+"]
    assert list(frame["neutrino_time_ns"] - NOON) == [9 * SECOND, 11 * SECOND, 0, 9 * SECOND, 5000 * SECOND]
    assert list(frame["received_time"] - frame["neutrino_time_ns"]) == [SECOND] * 5
    assert list(frame["message_uuid"]) == ["uuid-5", "uuid-6", "uuid-4", "uuid-5", "uuid-9"]
    assert list(frame["neutrino_time_delta"].dt.total_seconds()) == [0, 2, 0, 9, 0]
    assert list(frame["is_initial"]) == [True, False, True, False, True]


def test_p_values_that_were_not_given_are_nan_and_zero_is_zero() -> None:
    p_values = readme_frame().loc[[4, 6, 9], "p_value"]
    assert p_values.loc[4] == 0.5
    assert p_values.loc[6] == 0.0
    assert np.isnan(p_values.loc[9])


@pytest.mark.parametrize("frame", [cache_frame([], []), readme_frame()], ids=["empty", "filled"])
def test_dtypes_are_the_documented_ones_before_and_after_assignment(frame: pd.DataFrame) -> None:
    assert frame.dtypes.to_dict() == DTYPES
    assert assign_sublists(frame).dtypes.to_dict() == DTYPES
    assert list(frame.columns) == list(assign_sublists(frame).columns) == list(DTYPES)


def test_empty_cache_has_no_rows() -> None:
    assert cache_frame([], []).empty
    assert assign_sublists(cache_frame([], [])).empty


def test_sublist_of_an_unknown_line_is_an_error() -> None:
    with pytest.raises(KeyError):
        cache_frame([line(1, 0)], [sublist(0, 1, 2)])


def test_assignment_numbers_afresh_in_order_of_initial_time() -> None:
    assigned = assign_sublists(readme_frame())
    assert windows(assigned) == [[4, 5], [5, 6], [9]]
    assert list(assigned["sub_list_num"]) == [0, 0, 1, 1, 2]
    assert list(assigned["neutrino_time_delta"].dt.total_seconds()) == [0, 9, 0, 2, 0]
    assert list(assigned["is_initial"]) == [True, False, True, False, True]


def test_assignment_leaves_its_argument_alone_and_repeats_itself() -> None:
    frame = readme_frame()
    before = frame.copy(deep=True)
    once = assign_sublists(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(assign_sublists(once), once)


def test_window_is_inclusive_to_the_nanosecond() -> None:
    assert windows(assign_sublists(frame_of([0, 10 * SECOND]))) == [[0, 1]]
    assert windows(assign_sublists(frame_of([0, 10 * SECOND + 1]))) == [[0], [1]]
    assert windows(assign_sublists(frame_of([0, 5]), threshold_ns=4)) == [[0], [1]]


def test_equal_times_share_a_sublist_and_the_lowest_line_is_initial() -> None:
    frame = frame_of([7, 7, 7])
    assigned = assign_sublists(frame.iloc[[2, 0, 1]])
    assert windows(assigned) == [[0, 1, 2]]
    assert list(assigned["is_initial"]) == [True, False, False]
    assert list(assigned["neutrino_time_delta"].dt.total_seconds()) == [0, 0, 0]


def test_window_inside_another_is_no_sublist_of_its_own() -> None:
    assert windows(assign_sublists(frame_of([0, 4 * SECOND, 8 * SECOND, 10 * SECOND]))) == [[0, 1, 2, 3]]


def test_rows_in_any_order_give_the_same_frame() -> None:
    assigned = assign_sublists(readme_frame())
    for seed in range(5):
        pd.testing.assert_frame_equal(assign_sublists(readme_frame().sample(frac=1, random_state=seed)), assigned)


def test_assignment_equals_the_definition_by_double_loop() -> None:
    rng = random.Random(20_250_101)
    for _ in range(60):
        times = [rng.randrange(0, 60) * SECOND // 2 + rng.choice((-1, 0, 0, 1)) for _ in range(rng.randrange(1, 25))]
        all_windows = {frozenset(b for b, tb in enumerate(times) if 0 <= tb - ta <= 10 * SECOND) for ta in times}
        sublists = [window for window in all_windows if not any(window < other for other in all_windows)]
        in_order = sorted(sublists, key=lambda window: min(times[b] for b in window))
        assert windows(assign_sublists(frame_of(times))) == [
            sorted(window, key=lambda b: (times[b], b)) for window in in_order
        ]
