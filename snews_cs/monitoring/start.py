"""Watching a server for as long as it runs."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import structlog

from snews_cs.messages.types import Nanoseconds
from snews_cs.monitoring.health import MonitoringServer
from snews_cs.monitoring.monitor import Monitor, Topic
from snews_cs.monitoring.statistics import ConsumerWatch
from snews_cs.monitoring.watchdog import Watchdog

log = structlog.get_logger(__name__)

OFF = "off"
"""The ``MONITORING_ADDRESS`` that opens no port."""


@contextmanager
def monitored(
    consumer: ConsumerWatch,
    topic: Topic,
    *,
    address: str,
    now: Callable[[], Nanoseconds],
    beside: Callable[[], list[str]] = list,
) -> Iterator[Monitor]:
    """Yield what the server is to tell what happens; its pages are up, and systemd is told, until this context ends.

    An address that cannot be taken is a warning, and no reason for a server to end.

    Parameters
    ----------
    consumer
        Watches how the topic is read; its metrics are those that are shown.
    topic
        The observation topic.
    address
        ``HOST:PORT`` of the pages, or :data:`OFF` (``MONITORING_ADDRESS``).
    now
        The clock, TAI ns.
    beside
        Returns what is to be warned of in what runs beside the server, one line each.
    """
    with ExitStack() as stack:
        watchdog = stack.enter_context(closing(Watchdog.from_environment(os.environ, time.monotonic)))
        monitor = Monitor(consumer, watchdog, topic, now=now, beside=beside)
        if address != OFF:
            try:
                pages = stack.enter_context(MonitoringServer(address, monitor))
            except OSError as error:
                log.warning("no health and metrics", address=address, error=error.strerror or str(error))
            else:
                log.info("health and metrics", address=pages.address)
        yield monitor
