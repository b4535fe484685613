"""How long the engine takes for one decision, and how that depends on what is cached.

Targets: median at most 60 us with 1,000 live observations, at most 1.5 times that with 100,000; at most 5 us more for
each member of an alert. The published pandas logic took 34 ms with 10 observations cached, 2.6 s with 1,000.
"""

import gc
from collections import defaultdict
from random import Random
from statistics import median
from time import perf_counter

import pytest

from benchmarks.conftest import Report
from benchmarks.traffic import APART, SECOND, START, filled_engine, key, mixed
from snews_cs.coincidence.content import alert_json
from snews_cs.messages.types import Observation

DECISIONS = 5_000


@pytest.mark.parametrize("live", [10, 1_000, 100_000])
def test_decision(report: Report, live: int) -> None:
    engine = filled_engine(live)
    gc.collect()
    gc.freeze()
    seconds = []
    for number, message in enumerate(mixed(live, DECISIONS, Random(live))):
        begin = perf_counter()
        engine.apply(message, START + live + number, key(live + number))
        seconds.append(perf_counter() - begin)
        engine.settle()
    gc.unfreeze()
    report.samples(f"decision, {live:,} live", seconds)


def test_decision_and_undo(report: Report) -> None:
    engine = filled_engine(1_000)
    seconds = []
    for number, message in enumerate(mixed(1_000, DECISIONS, Random(1))):
        begin = perf_counter()
        engine.apply(message, START + number, key(number))
        engine.undo()
        seconds.append(perf_counter() - begin)
    report.samples("decision and undo, 1,000 live", seconds)


def test_burst_of_twenty(report: Report) -> None:
    engine, rng = filled_engine(1_000), Random(20)
    decided: defaultdict[int, list[float]] = defaultdict(list)
    written: defaultdict[int, list[float]] = defaultdict(list)
    for burst in range(300):
        for member in range(20):
            message = Observation(
                detector_name=f"detector {member}",
                message_uuid=f"{burst}.{member}",
                neutrino_time_ns=START - (burst + 1) * 5 * APART + rng.randrange(10 * SECOND),
                is_test=True,
            )
            begin = perf_counter()
            outcome = engine.apply(message, START + burst, key(burst * 20 + member))
            middle = perf_counter()
            for alert in outcome.alerts:
                alert_json(alert, server_tag="benchmark")
            written[member + 1].append(perf_counter() - middle)
            decided[member + 1].append(middle - begin)
            engine.settle()
    for members in (2, 5, 10, 20):
        report.samples(f"burst: decision with {members} in the window", decided[members])
        report.samples(f"burst: alert content of {members} members", written[members])
    decision, content = ((median(each[20]) - median(each[2])) / 18e-6 for each in (decided, written))
    report.note(f"one member more: decision {decision:.1f} us, alert content {content:.1f} us")
