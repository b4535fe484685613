"""A server built of the real parts, but for the topics: they are in memory."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from snews_cs.messages.admission import AdmissionPolicy
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import format_utc, parse_utc
from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.answers import Answers
from snews_cs.server.journal import Journal
from snews_cs.server.loop import CoincidenceServer
from snews_cs.server.outbox import AlertTopics, Outbox
from snews_cs.storage.open import open_storage
from snews_cs.storage.protocol import Storage
from tests.support.memory import MemoryPublisher, MemoryTopic

START: Nanoseconds = parse_utc("2026-11-21T12:30:00Z")


@dataclass
class House:
    """One server, its store, its topics, and clocks that the test moves."""

    storage: Storage
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    parameters: Parameters = field(default_factory=Parameters)
    now_ns: Nanoseconds = START
    monotonic_s: float = 0.0
    _ticks: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.journal = Journal(self.storage, "test")
        self.outbox = Outbox(
            self.publisher, AlertTopics(alerts="alerts", connection_test="testing"), self.storage, self._clock
        )
        self.server = CoincidenceServer(
            stream=self.topic,
            storage=self.storage,
            journal=self.journal,
            outbox=self.outbox,
            answers=Answers(self.publisher, "testing", self._clock),
            policy=AdmissionPolicy(registry=Registry.load(None), admin_password="sesame"),
            parameters=self.parameters,
            now=lambda: self.now_ns + next(self._ticks),
        )
        self.server.start()

    def _clock(self) -> float:
        return self.monotonic_s

    def say(self, *contents: dict[str, Any] | bytes | None) -> None:
        """Let messages arrive, and the server do a round."""
        self.topic.write(*contents)
        self.server.round(0)


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Return a function that starts a server on the test's one store; several may be open at once."""
    with ExitStack() as stack:

        def build(wrap: Callable[[Storage], Storage] = lambda storage: storage, **more: Any) -> House:
            storage = stack.enter_context(closing(open_storage(f"sqlite:///{tmp_path / 'store.sqlite'}")))
            return House(wrap(storage), **more)

        yield build


def seen(detector: str, offset_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return an observation as ``hop publish`` sends it, ``offset_s`` after 12:29:00."""
    time_ns = START - 60 * 10**9 + round(offset_s * 10**9)
    return {"detector_name": detector, "neutrino_time": format_utc(time_ns), **more}
