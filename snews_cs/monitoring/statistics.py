"""What librdkafka tells of itself: how far reading is behind, and how the brokers are."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

import structlog

from snews_cs.monitoring.metrics import Metrics
from snews_cs.streams.statistics import Statistics

log = structlog.get_logger(__name__)


class ConsumerState(NamedTuple):
    """A consumer as its statistics show it.

    Parameters
    ----------
    lag
        Of each partition how many messages are not done yet; partitions of which that is not known are left out.
    brokers
        How many brokers there are by state of their connection: ``up``, ``down``, ``init`` (not needed so far), ...
    errors
        Requests that failed or timed out since the connection was opened.
    """

    lag: Mapping[int, int]
    brokers: Mapping[str, int]
    errors: int


NOTHING = ConsumerState({}, {}, 0)
"""What is known of a consumer that tells nothing."""


def read_statistics(statistics: Statistics, topic: str) -> ConsumerState:
    """Take from librdkafka's statistics (its STATISTICS.md, parsed) what tells how a topic is read."""
    partitions = statistics["topics"].get(topic, {"partitions": {}})["partitions"]
    lags = {int(number): _lag(each) for number, each in partitions.items() if int(number) >= 0 and not each["unknown"]}
    brokers = statistics["brokers"].values()
    return ConsumerState(
        lag={number: lag for number, lag in lags.items() if lag is not None},
        brokers=Counter(each["state"].lower() for each in brokers if each["nodeid"] >= 0),  # below: not known by number
        errors=sum(each["txerrs"] + each["rxerrs"] + each["req_timeouts"] for each in brokers),
    )


def _lag(partition: Mapping[str, Any]) -> int | None:
    """Return how far the end is from what is done: marked, else committed, else nothing."""
    for known in ("consumer_lag_stored", "consumer_lag"):
        if partition[known] >= 0:
            return int(partition[known])
    first, end = partition["lo_offset"], partition["hi_offset"]
    return int(end - first) if end >= first >= 0 else None


class ConsumerWatch:
    """Keeps the metrics of the consumer up to date: ``on_statistics`` of an ``ObservationStream``.

    Parameters
    ----------
    metrics
        What is kept up to date.
    topic
        Name of the observation topic.
    """

    def __init__(self, metrics: Metrics, topic: str) -> None:
        self.metrics = metrics
        self._topic = topic
        self._lock = Lock()
        self._partitions: set[int] = set()
        self._states: set[str] = set()
        self._is_understood = True

    def __call__(self, statistics: Statistics) -> None:
        """Be told librdkafka's statistics; any thread may call this."""
        try:
            state = read_statistics(statistics, self._topic)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # no reason to end reading
            if self._is_understood:
                log.warning("librdkafka's statistics have another form: consumer lag is not known", error=repr(error))
            self._is_understood = False
        else:
            self._show(state)

    def forget(self) -> None:
        """Show that nothing is known: the topic is closed, and nobody tells us anything; any thread may call this."""
        if self._partitions or self._states:
            self._show(NOTHING)

    def _show(self, state: ConsumerState) -> None:
        with self._lock:
            for gone in self._partitions - state.lag.keys():
                self.metrics.consumer_lag.remove(str(gone))
            for partition, lag in state.lag.items():
                self.metrics.consumer_lag.labels(str(partition)).set(lag)
            for left in self._states - state.brokers.keys():
                self.metrics.brokers.remove(left)
            for name, count in state.brokers.items():
                self.metrics.brokers.labels(name).set(count)
            self.metrics.broker_errors.set(state.errors)
            self._partitions, self._states = set(state.lag), set(state.brokers)
