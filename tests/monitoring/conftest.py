"""A monitor whose clocks the test moves, watching nobody in particular; and a patient for the doctor."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import BrokerUnreachable, StreamError
from snews_cs.messages.types import Nanoseconds
from snews_cs.monitoring.health import metrics
from snews_cs.monitoring.metrics import Metrics
from snews_cs.monitoring.monitor import Monitor
from snews_cs.monitoring.statistics import ConsumerWatch
from snews_cs.monitoring.watchdog import Watchdog
from snews_cs.server.observer import Standing
from tests.monitoring.patient import Patient
from tests.storage.builders import T0
from tests.support.broker import Broker, broker

__all__ = ["broker"]

SECOND = 10**9
AWAY = BrokerUnreachable("broker kafka.example does not answer")


@dataclass
class Topic:
    """An observation topic."""

    problem: StreamError | None = None
    is_open: bool = True


@dataclass
class Watched:
    """A monitor with its surroundings."""

    topic: Topic = field(default_factory=Topic)
    engine: Engine = field(default_factory=Engine)
    now_ns: Nanoseconds = T0
    monotonic_s: float = 1000.0
    notify: Path | None = None
    beside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(str(self.notify) if self.notify else None, self.clock)
        self.consumer = ConsumerWatch(Metrics("test server"), "experiments")
        self.monitor = Monitor(
            self.consumer,
            self.watchdog,
            self.topic,
            now=lambda: self.now_ns,
            beside=lambda: self.beside,
            monotonic=self.clock,
        )

    def clock(self) -> float:
        return self.monotonic_s

    def passes(self, seconds: float) -> None:
        """Let time pass in which the loop does nothing."""
        self.now_ns += round(seconds * SECOND)
        self.monotonic_s += seconds

    def round(self, seconds: float = 0.2, **standing: object) -> None:
        """Let time pass, and the loop come round."""
        self.passes(seconds)
        self.monitor.round_done(Standing(**{"sequence": 0, **standing}), self.engine)  # type: ignore[arg-type]

    def samples(self, name: str) -> list[Sample]:
        """Return the samples of that name as Prometheus reads them."""
        text = metrics(self.monitor).content.decode()
        return [
            sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric, None without one."""
        found = [sample.value for sample in self.samples(name) if labels.items() <= sample.labels.items()]
        return found[0] if found else None


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Give a monitor of a server that is ready."""
    made = Watched()
    made.monitor.ready()
    yield made
    made.watchdog.close()


@pytest.fixture
def patient(broker: Broker, tmp_path: Path) -> Patient:
    """Give a machine that is well."""
    return Patient(broker, tmp_path)
