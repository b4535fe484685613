"""The adapter over SQLite, and over MongoDB as mongomock plays it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import mongomock
import pytest

from snews_cs.messages.times import NS_PER_S, format_utc
from snews_cs.messages.types import Nanoseconds, Parameters
from snews_cs.snews2_app.storage import JournalStorage
from snews_cs.storage.protocol import Storage
from tests.contract.storage.conftest import Place, mongomock_place, sqlite_place
from tests.storage.builders import T0
from tests.support.mongomock_bulk import mend_bulk_replacing


@dataclass
class Bench:
    """A store, a clock that the test moves, and the adapter over both."""

    place: Place
    store: Storage
    now_ns: Nanoseconds = T0
    storage: JournalStorage = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, parameters: Parameters | None = None) -> None:
        """Let the adapter be made anew, as another process does."""
        self.storage = JournalStorage(self.store, parameters=parameters, now=lambda: self.now_ns)

    def time(self, offset_s: float = 0.0) -> str:
        """Return a time so long after the clock's."""
        return format_utc(self.now_ns + round(offset_s * NS_PER_S))


@pytest.fixture(params=[sqlite_place, mongomock_place], ids=["sqlite", "mongomock"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(mongomock, "utcnow", lambda: datetime(2099, 1, 1))  # noqa: DTZ001  # what it compares with
    mend_bulk_replacing(monkeypatch)
    with request.param(tmp_path) as place, closing(place.open()) as store:
        yield Bench(place, store)


def observation(detector: str, message_id: str, **more: object) -> dict[str, object]:
    """Return an observation as the first application had it, without its times."""
    return {"message_id": message_id, "detector_id": detector, "location": "Houston", "p_value": 0.5, **more}
