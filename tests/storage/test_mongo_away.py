"""A MongoDB server that is away, in every way a server can be: each call says so, and goes on when it is back."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from unittest.mock import patch

import pymongo
import pytest
from pymongo.collection import Collection

from snews_cs.errors import AppendConflict, StoreUnreachable
from snews_cs.storage.mongo.documents import Document
from snews_cs.storage.mongo.store import OPTIONS, MongoStorage
from snews_cs.storage.mongo.timeouts import TIMEOUT_MS
from snews_cs.storage.open import open_storage
from tests.storage.builders import DAY_NS, T0, make_alerting, make_entries, make_entry
from tests.support.ferretdb import FerretServer
from tests.support.proxy import Proxy

CALLS: dict[str, Callable[[MongoStorage], Any]] = {
    "prepare": lambda storage: storage.prepare(),
    "append": lambda storage: storage.append(make_entries(3, 3)),
    "entry": lambda storage: storage.entry(1),
    "entries": lambda storage: list(storage.entries()),
    "last_sequence": lambda storage: storage.last_sequence(),
    "known_keys": lambda storage: storage.known_keys(["key"]),
    "unpublished": lambda storage: storage.unpublished(),
    "unmarked": lambda storage: storage.unmarked([1]),
    "mark_published": lambda storage: storage.mark_published(1),
    "claim": lambda storage: storage.claim(1, "first", "second"),
    "save_snapshot": lambda storage: storage.save_snapshot(1, b"state"),
    "latest_snapshot": lambda storage: storage.latest_snapshot(),
    "projected": lambda storage: storage.projected(),
    "refused": lambda storage: storage.refused(9),
    "refusals": lambda storage: storage.refusals(),
    "project": lambda storage: storage.project(make_entries(1, 1)),
    "drop": lambda storage: storage.drop(),
}
"""Every call that asks the server..."""


def sweep(storage: MongoStorage) -> int:
    """...but this one, which asks only a server that has no TTL indexes."""
    return storage.sweep(T0)


TOO_SLOW_S = 0.8e-3 * TIMEOUT_MS
"""A delay each way with which what is asked arrives in time, and the answer does not."""

PATIENCE_S = 10.0


def eventually(ask: Callable[[], Any]) -> Any:
    """Return the first answer that is one; a store that was away may need a moment."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            if found := ask():
                return found
        except StoreUnreachable:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end
        time.sleep(0.02)


def slow(method: Callable[..., Any], proxy: Proxy) -> Callable[..., Any]:
    """Return the method with a network that becomes slow just before."""

    def slowed(*arguments: Any) -> Any:
        proxy.delay(TOO_SLOW_S)
        return method(*arguments)

    return slowed


class TestFromTheStart:
    """Who opens a store that is away is told so whatever is asked of it; in a twentieth of the usual time here."""

    @pytest.fixture(autouse=True)
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("serverSelectionTimeoutMS", "connectTimeoutMS", "timeoutMS"):
            monkeypatch.setitem(OPTIONS, name, OPTIONS[name] // 20)
        monkeypatch.setattr("snews_cs.storage.mongo.timeouts.TIMEOUT_MS", TIMEOUT_MS // 20)
        monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.01)

    @pytest.fixture(params=["nobody listens", "nobody answers"])
    def address(self, request: pytest.FixtureRequest) -> Iterator[str]:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            if request.param == "nobody answers":
                server.listen()
            yield f"mongodb://127.0.0.1:{server.getsockname()[1]}"

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_every_call_is_told(self, address: str, call: Callable[..., Any]) -> None:
        with closing(open_storage(address)) as storage, pytest.raises(StoreUnreachable):
            call(storage)


@pytest.fixture
def proxy(ferretdb: FerretServer) -> Iterator[Proxy]:
    """Return what lies between us and the server."""
    with Proxy(int(ferretdb.url.rpartition(":")[2])) as made:
        yield made


@pytest.fixture
def storage(proxy: Proxy, request: pytest.FixtureRequest) -> Iterator[MongoStorage]:
    """Return a store of two entries behind the proxy, after which it is no more."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(f"mongodb://{proxy.address}", **OPTIONS)
    name = f"snews_test_away_{proxy.port}"
    with closing(MongoStorage(client, name="it", heartbeats_kept_ns=DAY_NS, database=name)) as made:
        made.prepare()
        made.append([make_alerting(1), make_entry(2)])
        yield made
        proxy.forward()
        client.drop_database(name)


@pytest.mark.services
class TestLater:
    """The server was there."""

    @pytest.mark.parametrize("how", ["hold", "swallow", "refuse"])
    def test_every_call_is_told_and_it_goes_on(self, storage: MongoStorage, proxy: Proxy, how: str) -> None:
        for call in [*CALLS.values(), sweep]:
            getattr(proxy, how)()
            with pytest.raises(StoreUnreachable, match=r"^it does not answer"):
                call(storage)
            proxy.forward()
            assert eventually(lambda: storage.entry(1))

    def test_a_connection_that_breaks_ends_the_wait(self, storage: MongoStorage, proxy: Proxy) -> None:
        proxy.hold()
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(storage.entry, 1)
            proxy.cut()
            with pytest.raises(StoreUnreachable):
                waiting.result()
        proxy.forward()
        assert eventually(lambda: storage.entry(1))

    def test_a_server_that_freezes(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        with (
            FerretServer(tmp_path_factory.mktemp("frozen")) as server,
            closing(open_storage(server.url)) as storage,
        ):
            storage.append(make_entries(1, 2))
            server.pause()
            for _ in range(2):  # on a connection that stands, and on a new one
                with pytest.raises(StoreUnreachable):
                    storage.append(make_entries(3, 3))
            server.resume()
            assert eventually(storage.last_sequence) in (2, 3)

    def test_an_append_that_timed_out_was_done(self, storage: MongoStorage, proxy: Proxy) -> None:
        entry = make_entry(3)
        proxy.delay(TOO_SLOW_S)
        with pytest.raises(StoreUnreachable):
            storage.append([entry])
        proxy.forward()
        assert eventually(lambda: storage.entry(3)) == entry
        with pytest.raises(AppendConflict, match="entry 3: its number"):
            storage.append([entry])

    def test_a_mark_that_timed_out_was_set(self, storage: MongoStorage, proxy: Proxy) -> None:
        proxy.delay(TOO_SLOW_S)
        with pytest.raises(StoreUnreachable):
            storage.mark_published(1)
        proxy.forward()
        assert eventually(lambda: not storage.unmarked([1]))
        assert not storage.mark_published(1)

    def test_a_claim_that_timed_out_was_made(self, storage: MongoStorage, proxy: Proxy) -> None:
        [claim] = storage.unmarked([1]).values()
        with (
            patch.object(Collection, "insert_one", slow(Collection.insert_one, proxy)),
            pytest.raises(StoreUnreachable),
        ):
            storage.claim(1, claim, "second")
        proxy.forward()
        assert eventually(lambda: storage.unmarked([1]) == {1: "second"})
        assert not storage.claim(1, claim, "third")
