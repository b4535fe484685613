"""Every metric, in one place: its name, its one-line meaning, its labels. The documentation is made from here.

A metric is an attribute, so that a misspelt one is an error of types. Lengths of time are in s.
"""

import platform
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

from snews_cs import __version__

FAST_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Buckets of what takes milliseconds and must not take seconds, s."""

SLOW_S = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 86_400)
"""Buckets of what detectors take: seconds for an automatic message, hours for a person's, s."""

MOST_KINDS = 100
"""How many values a label takes at most that is made of what was sent to us; what comes after them is ``other``."""


class Described(NamedTuple):
    """A metric as the documentation shows it: its name, type (counter, gauge, histogram) and meaning."""

    name: str
    type: str
    meaning: str


class Metrics:
    """Every metric of a server, in a registry of its own.

    Parameters
    ----------
    server_tag
        ``SERVER_TAG``.
    """

    def __init__(self, server_tag: str = "") -> None:
        self.registry = CollectorRegistry()
        to = self.registry

        self.build = Info("snews_cs_build", "Version of the server, of Python, and SERVER_TAG, as labels.", registry=to)
        self.build.info({"version": __version__, "python": platform.python_version(), "server_tag": server_tag})

        self.ready = Gauge(
            "snews_cs_ready", "1 once the journal is restored and messages are taken in, 0 before.", registry=to
        )
        self.degraded = Gauge(
            "snews_cs_degraded", "1 while the store fails and the server decides alone, else 0.", registry=to
        )
        self.since_round = Gauge(
            "snews_cs_loop_seconds_since_round", "Time since the loop last came round (idle: 0.2 s).", registry=to
        )
        self.longest_round = Gauge(
            "snews_cs_loop_longest_stall_seconds", "Longest time between two rounds since the start.", registry=to
        )

        self.topic_open = Gauge(
            "snews_cs_observation_topic_open", "1 while the observation topic is open for reading, else 0.", registry=to
        )
        self.consumer_lag = Gauge(
            "snews_cs_consumer_lag_messages",
            "Messages of a `partition` of the observation topic that are not done yet.",
            ["partition"],
            registry=to,
        )
        self.brokers = Gauge(
            "snews_cs_brokers",
            "Kafka brokers that the consumer knows, by `state` of the connection (librdkafka's: up, down, init, ...).",
            ["state"],
            registry=to,
        )
        self.broker_errors = Gauge(
            "snews_cs_broker_errors",
            "Failed and timed-out requests of the consumer since the topic was last opened.",
            registry=to,
        )

        self.messages = Counter(
            "snews_cs_messages",
            "Messages journaled by this server, by `kind` (observation, heartbeat, ...; unknown: not understood).",
            ["kind"],
            registry=to,
        )
        self.refused = Counter(
            "snews_cs_refused",
            f"Messages put into quarantine, by `reason` without what varies in it (at most {MOST_KINDS}, then other).",
            ["reason"],
            registry=to,
        )
        self.journal_sequence = Gauge("snews_cs_journal_sequence", "Length of the journal, entries.", registry=to)
        self.received_to_journaled = Histogram(
            "snews_cs_received_to_journaled_seconds",
            "From a message's arrival at the server to its durable entry.",
            buckets=FAST_S,
            registry=to,
        )

        self.alerts = Counter(
            "snews_cs_alerts",
            "Alerts acknowledged by the broker, by `type` (INITIAL, UPDATE, RETRACTION) and `test` (true, false).",
            ["type", "test"],
            registry=to,
        )
        self.journaled_to_acknowledged = Histogram(
            "snews_cs_journaled_to_acknowledged_seconds",
            "From an alert's entry in the journal to the broker's acknowledgement (this server's own entries).",
            buckets=FAST_S,
            registry=to,
        )
        self.neutrino_to_alert = Histogram(
            "snews_cs_neutrino_to_alert_seconds",
            "From the first neutrino time of an INITIAL alert (not of tests) to the broker's acknowledgement.",
            buckets=SLOW_S,
            registry=to,
        )
        self.unpublished = Gauge(
            "snews_cs_unpublished_alerts", "Alerts decided, but not acknowledged by the broker.", registry=to
        )
        self.unpublished_age = Gauge(
            "snews_cs_unpublished_age_seconds", "How long the eldest of them has waited; 0 without one.", registry=to
        )
        self.spooled = Gauge(
            "snews_cs_spool_messages", "Messages in the local spool, not in the journal yet.", registry=to
        )
        self.spooled_age = Gauge(
            "snews_cs_spool_age_seconds", "How long the eldest of them has waited; 0 without one.", registry=to
        )

        self.clock_offset = Gauge(
            "snews_cs_clock_offset_seconds",
            "This server's clock less the Kafka timestamp of the latest message: its age; below 0 a clock is wrong.",
            registry=to,
        )
        self.neutrino_ahead = Gauge(
            "snews_cs_neutrino_time_ahead_seconds",
            "How far the latest neutrino time of a `detector` (not of tests) was ahead of this server's clock, else 0.",
            ["detector"],
            registry=to,
        )
        self.online = Gauge("snews_cs_detectors_online", "Detectors whose heartbeats say that they run.", registry=to)
        self.detector_online = Gauge(
            "snews_cs_detector_online",
            "1 if a `detector` is online, 0 if it was once (no longer, or it says OFF).",
            ["detector"],
            registry=to,
        )
        self.detector_noisy = Gauge(
            "snews_cs_detector_noisy",
            "1 while a `detector` alarms more often than SNEWS 1.0 allowed (10 min after a lone alarm), 0 afterwards.",
            ["detector"],
            registry=to,
        )

        self.process = ProcessCollector(registry=to)

    def describe(self) -> Iterator[Described]:
        """Yield our own metrics, in order, under the names by which Prometheus stores them."""
        for metric in vars(self).values():
            if isinstance(metric, Counter | Gauge | Histogram | Info):
                for family in metric.describe():
                    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
                    yield Described(family.name + suffix, family.type, family.documentation)
