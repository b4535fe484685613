"""A store as a server leaves it, for the commands that look at one."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import mongomock
import pymongo
import pytest
from click.testing import CliRunner, Result

from snews_cs.cli import main
from snews_cs.messages.admission import AdmissionPolicy, read_message
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, format_utc, tai_from_posix
from snews_cs.server.arrival import Arrival
from snews_cs.server.journal import Journal
from snews_cs.storage.entry import Entry
from snews_cs.storage.mongo import store as _mongo  # noqa: F401  # its annotations need the real client
from snews_cs.storage.open import open_storage
from snews_cs.storage.protocol import Storage

PASSWORD = "sesame"
NOW = tai_from_posix(int(datetime.fromisoformat("2026-11-21T12:30:00Z").timestamp()) * NS_PER_S)


def seen(detector: str, offset_s: int = 0, **more: Any) -> dict[str, Any]:
    """Return an observation as ``hop publish`` sends it, ``offset_s`` after 12:29:00."""
    return {"detector_name": detector, "neutrino_time": format_utc(NOW + (offset_s - 60) * NS_PER_S), **more}


@dataclass
class Writer:
    """What a server does to a store, without its topics."""

    storage: Storage
    now_ns: int = NOW
    journal: Journal = field(init=False)
    offset: int = 0

    def __post_init__(self) -> None:
        self.journal = Journal(self.storage, "tester")

    def say(self, *contents: dict[str, Any] | bytes | None, published: bool = True) -> list[Entry]:
        """Journal and project messages, dicts as JSON; their alerts are published or not."""
        arrivals = []
        policy = AdmissionPolicy(registry=Registry.load(None), admin_password=PASSWORD)
        for content in contents:
            value = json.dumps(content).encode() if isinstance(content, dict) else content
            raw = RawMessage("experiments", 0, self.offset, 1_790_000_000_000, (("_id", b"\x00\x1b"),), value)
            reading = read_message(raw, self.now_ns, policy)
            kept = mask_passwords(raw, PASSWORD)
            arrivals.append(Arrival(key=raw.key, raw=kept, reading=reading, received_ns=self.now_ns))
            self.offset += 1
        entries = self.journal.append(arrivals)
        self.storage.project(entries)
        for entry in entries:
            if published and not entry.published:
                self.storage.mark_published(entry.sequence)
        return entries


@pytest.fixture(params=["sqlite", "mongodb"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a ``DATABASE_SERVER``, set for the commands; nothing is there yet."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'snews_cs.sqlite'}"
    else:
        data: Any = mongomock.MongoClient()._store
        monkeypatch.setattr(mongomock, "utcnow", lambda: datetime(2020, 1, 1))  # noqa: DTZ001  # what it compares with
        monkeypatch.setattr(pymongo, "MongoClient", lambda *_, **__: mongomock.MongoClient(_store=data))
        address = "mongodb://operator:open-sesame@localhost:27017"
    monkeypatch.setenv("DATABASE_SERVER", address)
    return address


@pytest.fixture
def writer(address: str) -> Iterator[Writer]:
    """Return a server's hand on the store, which stays open while the commands look."""
    with closing(open_storage(address)) as storage:
        yield Writer(storage)


def run(*arguments: str) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(main, arguments)
