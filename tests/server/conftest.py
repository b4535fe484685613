"""A server built of the real parts, but for the topics: they are in memory, and its store fails on demand."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from snews_cs.coincidence.engine import Engine
from snews_cs.messages.admission import AdmissionPolicy
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import format_utc, parse_utc
from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.server.answers import Answers
from snews_cs.server.journal import Journal
from snews_cs.server.loop import CoincidenceServer
from snews_cs.server.notices import Notices
from snews_cs.server.observer import Nobody, Standing
from snews_cs.server.outbox import AlertTopics, Outbox
from snews_cs.server.spool import Spool
from snews_cs.storage.entry import Entry
from snews_cs.storage.open import open_storage
from snews_cs.storage.protocol import Storage
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.streams.publication import Publication
from snews_cs.waiting import StopRequest
from tests.support.flaky import Flaky
from tests.support.memory import MemoryPublisher, MemoryTopic

PASSWORD = "sesame"
START_UTC = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
START: Nanoseconds = parse_utc(START_UTC.isoformat())
MOST_TURNS = 50
"""How many turns may be needed until all is done."""


class Watching(Nobody):
    """Remembers how things stood after the last turn, and counts how often a start was said to go on."""

    def __init__(self) -> None:
        self.standing = Standing(0)
        self.openings = 0

    def opening(self) -> None:
        """Count it."""
        self.openings += 1

    def round_done(self, standing: Standing, engine: Engine) -> None:
        """Remember it."""
        self.standing = standing


@dataclass
class House:
    """One server, its store, its topics, and clocks that the test moves."""

    storage: Flaky
    disk: Flaky
    path: Path
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    publisher: MemoryPublisher = field(default_factory=lambda: MemoryPublisher(START_UTC))
    parameters: Parameters = field(default_factory=Parameters)
    registry: Registry = field(default_factory=Registry.load)
    stop: StopRequest = field(default_factory=StopRequest)
    tag: str = "test"
    notices_topic: str | None = None
    answer: Callable[[Sequence[Publication]], None] | None = None
    now_ns: Nanoseconds = START
    monotonic_s: float = 0.0
    _ticks: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        storage = cast("Storage", self.storage)
        topics = AlertTopics(alerts="alerts", connection_test="testing")
        self.observer = Watching()
        self.notices: list[Publication] = []
        self.spool = Spool(cast("Storage", self.disk))
        self.outbox = Outbox(self.publisher, topics, storage, self.tag, self._clock, self.observer)
        self.server = CoincidenceServer(
            stream=self.topic,
            storage=storage,
            spool=self.spool,
            outbox=self.outbox,
            answers=Answers("testing", self.answer or self.publisher.publish_all, self._clock),
            notices=Notices(self.notices_topic, self.notices.extend, server_tag=self.tag),
            policy=AdmissionPolicy(registry=self.registry, admin_password=PASSWORD),
            server_tag=self.tag,
            parameters=self.parameters,
            now=lambda: self.now_ns + next(self._ticks),
            monotonic=self._clock,
            observer=self.observer,
        )

    @property
    def is_alone(self) -> bool:
        """Whether the server said DEGRADED after its last turn."""
        return self.observer.standing.degraded is not None

    @property
    def journal(self) -> Journal:
        """What the server knows of the journal."""
        return self.server.journal

    def _clock(self) -> float:
        return self.monotonic_s

    def say(self, *contents: dict[str, Any] | bytes | None) -> None:
        """Let messages arrive, and the server do a round."""
        self.topic.write(*contents)
        self.server.round(0)

    def run(self) -> None:
        """Let the server run until nothing waits on the topic."""
        self.topic.when_empty = self.stop.make
        self.server.run(self.stop, 0)

    def begin(self) -> None:
        """Begin as the installed server does, and go on until nothing waits on the topic."""
        stop = StopRequest()
        self.topic.when_empty = stop.make
        self.server.run(stop, 0)
        self.topic.when_empty = lambda: None

    def turn(self, *contents: dict[str, Any] | bytes | None) -> None:
        """Let messages arrive, and the server do a turn, with the store or alone."""
        self.topic.write(*contents)
        self.server.turn(self.stop, 0)

    def lose_store(self, *contents: dict[str, Any] | bytes | None) -> None:
        """Let the store be away from now on, and messages arrive, which are decided alone."""
        self.storage.is_away = True
        self.turn(*contents)
        self.turn()
        assert self.is_alone

    def find_store(self) -> None:
        """Let the store be back, and all be done."""
        self.storage.is_away = False
        self.settle()

    def settle(self) -> None:
        """Let time pass, turn after turn, until nothing is left to be done."""
        for _ in range(MOST_TURNS):
            self.server.turn(self.stop, 0)
            if not (self.topic or self.outbox or self.is_alone):
                return
            self.monotonic_s += 0.6
        raise AssertionError(f"something is left after {MOST_TURNS} turns")

    def entries(self) -> list[Entry]:
        """Return the journal without the entries that servers wrote of their own accord."""
        return [entry for entry in self.storage.storage.entries() if entry.raw.partition >= 0]

    def rows(self, table: str) -> list[sqlite3.Row]:
        """Return the rows of a projection as another program finds them."""
        with closing(sqlite3.connect(self.path)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(f"SELECT * FROM {table}").fetchall()


OpenHouse = Callable[..., House]
"""``open_house(started=True, **fields_of_House)``."""


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[OpenHouse]:
    """Return a function that starts a server on the test's one store; several may be open at once."""
    path = tmp_path / "store.sqlite"
    spools = (f"spool{number}.sqlite" for number in itertools.count())
    with ExitStack() as stack:

        def build(*, started: bool = True, **more: Any) -> House:
            storage = stack.enter_context(closing(open_storage(f"sqlite:///{path}")))
            spool = stack.enter_context(closing(SqliteStorage(tmp_path / next(spools), heartbeats_kept_ns=1)))
            house = House(Flaky(storage), more.pop("disk", None) or Flaky(spool), path, **more)
            if started:
                house.server.start(house.stop)
            return house

        yield build


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """Give the lines of the log."""
    with capture_logs() as captured:
        yield captured


def said(lines: list[EventDict], event: str) -> list[EventDict]:
    """Return the lines that begin with a text."""
    return [line for line in lines if line["event"].startswith(event)]


def seen(detector: str, offset_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return an observation as ``hop publish`` sends it, ``offset_s`` after 12:29:00."""
    time_ns = START - 60 * 10**9 + round(offset_s * 10**9)
    return {"detector_name": detector, "neutrino_time": format_utc(time_ns), **more}


def asked(number: int = 0) -> dict[str, Any]:
    """Return a connection test as snews_pt 3 sends it, and as it is answered."""
    return {
        "id": "0_test-connection",
        "tier": "Heartbeat",
        "detector_name": "JUNO",
        "meta": {"status": "received"},
        "sent_time_utc": f"2026-11-21T12:00:{number % 60:02}Z",
        "uuid": str(number),
    }
