"""A broker that forbids idempotent writing for a while: librdkafka takes that for the end of a producer."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.process import BrokerProcess
from snews_cs.errors import AccessDenied, StreamError
from snews_cs.streams import publisher as streams_publisher
from snews_cs.streams.publisher import AlertPublisher
from tests.streams.conftest import wait_for
from tests.streams.test_publisher import publish, read_with_hop
from tests.support.ports import free_port

FORBIDS = """
import pathlib
from kio.schema.errors import ErrorCode
from snews_cs.broker import connection, produce, protocol
from snews_cs.broker.__main__ import main
from dataclasses import replace

async def init_producer_id(client, request):
    answer = await produce.init_producer_id(client, request)
    if not pathlib.Path({sign!r}).exists():
        return answer
    return replace(answer, error_code=ErrorCode.cluster_authorization_failed)

connection.HANDLERS[protocol.INIT_PRODUCER_ID] = init_producer_id
main()
"""


class Fickle:
    """A broker that can be told to forbid idempotent writing, and to forget who may."""

    def __init__(self, directory: Path) -> None:
        sign = directory / "forbidden"

        class Forbidding(BrokerProcess):
            _program = ("-c", FORBIDS.format(sign=str(sign)))

        self._kind = Forbidding
        self._config = BrokerConfig(directory / "broker", free_port(), topics=("t",))
        self._sign = sign
        self._process = self._kind(self._config)
        self.url = self._process.url("t")

    def forbid(self) -> None:
        """Forbid it from now on."""
        self._sign.touch()

    def permit(self) -> None:
        """Permit it again."""
        self._sign.unlink()

    def restart(self) -> None:
        """Start anew: who writes has to ask again."""
        self._process.stop()
        self._process = self._kind(replace(self._config))

    def stop(self) -> None:
        """Stop."""
        self._process.stop()


@pytest.fixture
def fickle(tmp_path: Path) -> Iterator[Fickle]:
    fickle = Fickle(tmp_path)
    yield fickle
    fickle.stop()


def test_what_forbids_a_new_connection_is_named_and_over_when_it_is_over(fickle: Fickle) -> None:
    fickle.forbid()
    with AlertPublisher([fickle.url], auth=False) as publisher:
        for _ in range(2):
            with pytest.raises(AccessDenied, match="IdempotentWrite"):
                publish(publisher, fickle.url, b"{}")
        fickle.permit()
        publish(publisher, fickle.url, b"{}")
    assert len(read_with_hop(fickle.url)) == 1


def test_what_forbids_a_connection_that_is_idle_is_over_when_it_is_over(
    fickle: Fickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_publisher, "INTERVAL_MS", 50)
    with AlertPublisher([fickle.url], auth=False) as publisher:
        fickle.forbid()
        publisher.warm_up()
        connection = publisher._connections[fickle.url.split("/")[2]]
        wait_for(lambda: connection.useless)
        fickle.permit()
        publish(publisher, fickle.url, b"{}")
    assert len(read_with_hop(fickle.url)) == 1


def test_what_is_forbidden_after_a_restart_is_over_when_it_is_over(fickle: Fickle) -> None:
    with AlertPublisher([fickle.url], auth=False) as publisher:
        publish(publisher, fickle.url, b"{}")
        fickle.forbid()
        fickle.restart()
        with suppress(StreamError):  # it may still have its old permission
            publish(publisher, fickle.url, b"{}")
        fickle.permit()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(StreamError):
                publish(publisher, fickle.url, b'{"last": true}')
                break
    assert {"last": True} in [message.content for message, _ in read_with_hop(fickle.url)]
