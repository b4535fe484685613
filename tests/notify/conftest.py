"""Alerts, and a Slack to post them to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.notes import Notes, SqliteNotes
from snews_cs.streams.alerts import ReceivedAlert
from snews_cs.waiting import StopRequest
from tests.support.broker import broker, topic
from tests.support.slack_server import SlackServer, slack_server

__all__ = ["broker", "topic"]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Give a local server that plays Slack."""
    with slack_server() as server:
        yield server


def alert(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return an alert as published, but for the fields that Slack's readers are not told."""
    return {
        "id": "SNEWS_Coincidence_ALERT 2026-11-21T12:30:10.000000000Z",
        "alert_type": "INITIAL",
        "alert_uuid": f"alert {number}",
        "event_id": "5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11",
        "revision": 1,
        "server_tag": "test server",
        "detector_names": ["Super-K", "JUNO"],
        "neutrino_times": ["2026-11-21T12:30:00.000000000Z", "2026-11-21T12:30:09.000000000Z"],
        "p_values": [0.0123456, None],
        "false_alarm_rate_per_year": 1 / 96.6,
        "detectors_online": ["DUNE", "JUNO", "LZ", "Super-K"],
        **changes,
    }


BEGAN_MS = 1_800_000_000_000
"""When those who tell people began, POSIX time, ms."""

NOW_MS = BEGAN_MS + 3_600_000


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time, s."""
        return self.now


class RecordedStop(StopRequest):
    """Lets a clock go on instead of waiting; stops on its own when there were many waits."""

    def __init__(self, clock: Clock | None = None, after: int = 1000) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._clock = Clock() if clock is None else clock
        self._after = after

    def wait(self, seconds: float) -> bool:
        """Do not wait."""
        self.waits.append(seconds)
        self._clock.now += seconds
        if len(self.waits) >= self._after:
            self.make()
        return bool(self)


class ListedAlerts:
    """Alerts from a list; when there are no more, time passes, and when nothing is left to do who reads is stopped.

    ``done`` counts what need never come again.
    """

    def __init__(
        self,
        stop: StopRequest,
        clock: Clock,
        contents: Sequence[dict[str, object]],
        *,
        published_unix_ms: int = NOW_MS,
        first_published_unix_ms: int | None = None,
        most_batches: int = 100_000,
    ) -> None:
        self._stop = stop
        self._clock = clock
        self._left = [ReceivedAlert(content, published_unix_ms, 0) for content in contents]
        if first_published_unix_ms is not None:
            self._left[0] = replace(self._left[0], published_unix_ms=first_published_unix_ms)
        self._batches_left = most_batches
        self._total = len(contents)
        self.taken = 0
        self.done = 0

    def batch(self, timeout_s: float, limit: int) -> list[ReceivedAlert]:
        """Return the next ones."""
        self._batches_left -= 1
        if self._batches_left <= 0:
            self._stop.make()
        batch, self._left = self._left[:limit], self._left[limit:]
        self.taken += len(batch)
        if not batch:
            self._clock.now += timeout_s
        return batch

    def mark_done(self) -> None:
        """Note it."""
        self.done = self.taken
        if self.done == self._total:
            self._stop.make()


class NotesThatMayBeAway:
    """Notes that cannot be had while ``away``; ``doubtful`` is how many of the next additions stand, but fail."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.away = False
        self.doubtful = 0

    def add(self, name: str, text: str) -> bool:
        """Write a text down."""
        self._check()
        added = self._notes.add(name, text)
        if self.doubtful:
            self.doubtful -= 1
            raise StoreUnreachable("no answer in time")
        return added

    def get(self, name: str) -> str | None:
        """Return the text of that name."""
        self._check()
        return self._notes.get(name)

    def close(self) -> None:
        """Close them."""
        self._notes.close()

    def _check(self) -> None:
        if self.away:
            raise StoreUnreachable("away")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[NotesThatMayBeAway]:
    """Give notes in a file."""
    opened = NotesThatMayBeAway(SqliteNotes(tmp_path / "notes.sqlite"))
    yield opened
    opened.close()
