"""What librdkafka tells of itself, for whoever wants to measure it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Statistics = Mapping[str, Any]
"""librdkafka's statistics as it documents them (``STATISTICS.md``), parsed. Of use are above all::

    name, type                      which client it is; "consumer" or "producer"
    brokers.*.nodename, .state      "host:port" of each broker of the cluster; "UP" if its connection stands
    brokers.*.rtt.avg               round trip of a request, us
    topics.NAME.partitions.N        (N = -1 stands for none)
        .consumer_lag               how many records the committed position is behind the end; -1: not known yet
        .hi_offset                  offset of the next record that will be written
        .app_offset                 offset after the last record that was handed out
        .committed_offset           what is committed for the consumer group
    msg_cnt                         how many messages wait for the broker's acknowledgement
"""

OnStatistics = Callable[[Statistics], None]
"""Hears of them about once a second, in a thread of ours, whether or not anything arrives (but not while more has
arrived than is kept waiting). It must be quick, as nothing is read or written meanwhile; what it raises ends that."""

INTERVAL_MS = 1_000


def statistics_callback(listener: OnStatistics) -> Callable[[str], None]:
    """Return what librdkafka is to call, as ``stats_cb``."""
    return lambda text: listener(json.loads(text))
