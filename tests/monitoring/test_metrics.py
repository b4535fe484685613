"""The list of metrics, and what librdkafka's statistics make of some of them."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from snews_cs.monitoring.metrics import Metrics
from snews_cs.monitoring.statistics import read_statistics
from tests.monitoring.conftest import Watched
from tests.server.conftest import lines  # noqa: F401

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "statistics" / "apache-kafka.json"
"""Captured from a consumer of two partitions of 5 messages each, of which 2 and all were marked as done."""


@pytest.fixture
def statistics() -> Any:
    """Give what librdkafka told."""
    return json.loads(SAMPLE.read_text())


def test_names_are_unique_and_of_one_form() -> None:
    described = list(Metrics().describe())
    names = [each.name for each in described]
    assert len(set(names)) == len(names)
    for each in described:
        assert re.fullmatch("snews_cs_[a-z_]+", each.name)
        assert each.meaning.endswith(".")
        assert (each.type == "counter") == each.name.endswith("_total")
        assert (each.type == "histogram") <= each.name.endswith("_seconds")


def test_two_servers_in_one_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.journal_sequence.set(7)
    assert other.registry.get_sample_value("snews_cs_journal_sequence") == 0


def test_lag_is_what_is_not_done(statistics: Any) -> None:
    state = read_statistics(statistics, "experiments")
    assert state.lag == {0: 3, 1: 0}
    assert state.brokers == {"up": 1}  # the coordinator is the same broker
    assert state.errors == 0


def test_lag_of_a_group_without_a_position(statistics: Any) -> None:
    partition = statistics["topics"]["experiments"]["partitions"]["0"]
    partition.update(consumer_lag=-1, consumer_lag_stored=-1)
    assert read_statistics(statistics, "experiments").lag == {0: 5, 1: 0}
    partition.update(lo_offset=-1001, hi_offset=-1001)
    assert read_statistics(statistics, "experiments").lag == {1: 0}


def test_another_topic_and_an_unknown_partition_tell_nothing(statistics: Any) -> None:
    assert read_statistics(statistics, "elsewhere").lag == {}
    statistics["topics"]["experiments"]["partitions"]["0"]["unknown"] = True
    assert read_statistics(statistics, "experiments").lag == {1: 0}


def test_consumer_metrics_follow(watched: Watched, statistics: Any) -> None:
    watch = watched.consumer
    watch(statistics)
    assert watched.value("snews_cs_consumer_lag_messages", partition="0") == 3
    assert watched.value("snews_cs_brokers", state="up") == 1
    later = copy.deepcopy(statistics)
    del later["topics"]["experiments"]["partitions"]["0"]
    for broker in later["brokers"].values():
        broker.update(state="DOWN", rxerrs=2)
    watch(later)
    assert watched.value("snews_cs_consumer_lag_messages", partition="0") is None
    assert watched.value("snews_cs_consumer_lag_messages", partition="1") == 0
    assert watched.value("snews_cs_brokers", state="up") is None
    assert watched.value("snews_cs_brokers", state="down") == 1
    assert watched.value("snews_cs_broker_errors") == 4
    watched.round()
    assert watched.value("snews_cs_brokers", state="down") == 1


def test_of_a_topic_that_is_closed_nothing_is_known(watched: Watched, statistics: Any) -> None:
    watched.consumer(statistics)
    watched.topic.is_open = False
    watched.round()
    assert watched.samples("snews_cs_consumer_lag_messages") == watched.samples("snews_cs_brokers") == []
    watched.topic.is_open = True
    watched.consumer(statistics)
    assert watched.value("snews_cs_consumer_lag_messages", partition="0") == 3


@pytest.mark.parametrize(
    "statistics", [{}, {"topics": {"experiments": {}}, "brokers": {}}, {"topics": [], "brokers": 1}]
)
def test_statistics_of_another_form_end_nothing(
    watched: Watched,
    statistics: Any,
    lines: list[dict[str, object]],  # noqa: F811
) -> None:
    watch = watched.consumer
    watch(statistics)
    watch(statistics)
    assert [line["log_level"] for line in lines] == ["warning"]
    assert watched.samples("snews_cs_consumer_lag_messages") == []
