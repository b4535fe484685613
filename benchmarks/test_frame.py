"""The cache as a DataFrame, and sublists defined on it. Target: 100,000 rows, both together at most 0.5 s."""

from time import perf_counter

from benchmarks.conftest import Report
from benchmarks.traffic import filled_engine
from snews_cs.coincidence.frame import assign_sublists
from snews_cs.coincidence.types import CacheKey


def test_frame(report: Report) -> None:
    cache = filled_engine(100_000).caches[CacheKey(is_test=True, is_pre_sn=False)]
    made, assigned = [], []
    for _ in range(7):
        begin = perf_counter()
        frame = cache.frame
        middle = perf_counter()
        assign_sublists(frame)
        made.append(middle - begin)
        assigned.append(perf_counter() - middle)
    report.samples("cache.frame, 100,000 rows", made, "ms")
    report.samples("assign_sublists, 100,000 rows", assigned, "ms")
    report.samples("both", [one + other for one, other in zip(made, assigned, strict=True)], "ms")


def test_one_row_more(report: Report) -> None:
    """What deciding on a DataFrame would cost: one row appended, then the sublists assigned anew."""
    import pandas as pd

    for live in (10, 1_000, 100_000):
        cache = filled_engine(live).caches[CacheKey(is_test=True, is_pre_sn=False)]
        frame = cache.frame
        seconds = []
        for _ in range(5):
            begin = perf_counter()
            assign_sublists(pd.concat([frame, frame.iloc[-1:]], ignore_index=True))
            seconds.append(perf_counter() - begin)
        report.samples(f"DataFrame: one row more, {live:,} rows", seconds, "ms")
