"""The broker stops, dies, is slow, falls silent, cuts: the server mends it by itself, and nothing is lost."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest

from snews_cs.broker.process import BrokerProcess, start_broker
from tests.support.broker import Broker
from tests.support.kafka import KafkaServer
from tests.support.pairs import Pairs
from tests.support.ports import HOST, free_port
from tests.support.proxy import Proxy
from tests.support.server import ServerProcess
from tests.support.services import require
from tests.support.system import observation

DOES_NOT_ANSWER = "broker "
"""How the log line begins that says so."""


class FaultyBroker(Broker, Protocol):
    """A broker of our own. Detectors and subscribers reach it, the server only through a proxy."""

    proxy: Proxy

    def start(self) -> object:
        """Start it, on the ports it had before, and wait until it answers."""

    def stop(self) -> None:
        """Tell it to stop, and wait until it has."""

    def kill(self) -> None:
        """Kill it."""


class FaultyEmbeddedBroker:
    """An embedded one."""

    def __init__(self, directory: Path, proxy: Proxy) -> None:
        self.proxy = proxy
        self._directory = directory
        self._plain_port = free_port()
        self._process: BrokerProcess | None = None

    @property
    def address(self) -> str:
        """The same as :attr:`plain_address`: nobody logs in here."""
        return self.plain_address

    @property
    def plain_address(self) -> str:
        """``host:port`` of the listener that no proxy is before."""
        return f"{HOST}:{self._plain_port}"

    def url(self, topic: str) -> str:
        """Return hop's URL of a topic, past the proxy."""
        return f"kafka://{self.plain_address}/{topic}"

    def start(self) -> None:
        """Start it."""
        proxy = self.proxy
        self._process = start_broker(
            self._directory, proxy.target, plain_port=self._plain_port, advertised_port=proxy.port
        )

    def stop(self) -> None:
        """Stop it."""
        self._end(BrokerProcess.stop)

    def kill(self) -> None:
        """Kill it."""
        self._end(BrokerProcess.kill)

    def _end(self, how: Callable[[BrokerProcess], None]) -> None:
        process, self._process = self._process, None
        if process is not None:
            how(process)


class FaultyKafka(KafkaServer):
    """A real one."""

    def __init__(self, directory: Path, proxy: Proxy) -> None:
        super().__init__(directory, proxied=(proxy.target, proxy.port))
        self.proxy = proxy


@pytest.fixture
def sky(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Sky"]:
    """Give the surroundings of a server, with a broker of the kind that the test names."""
    if request.param == "kafka":
        require(request.config, "kafka")
    kind = FaultyKafka if request.param == "kafka" else FaultyEmbeddedBroker
    with Proxy() as proxy:
        broker = kind(tmp_path / "broker", proxy)
        broker.start()
        sky = Sky(broker, tmp_path)
        yield sky
        proxy.forward()
        sky.close()
        broker.kill()


class Sky(Pairs):
    """A server behind the proxy."""

    def __init__(self, broker: FaultyBroker, directory: Path) -> None:
        super().__init__(broker, directory)
        self.broker: FaultyBroker = broker

    def start_behind_proxy(self, *topics: str, wait: bool = True) -> ServerProcess:
        """Start the server, which reaches these of its topics (the settings' names), or all, through the proxy."""
        addresses = self.broker.plain_address, self.broker.proxy.address
        settings = {name: self.settings[name].replace(*addresses) for name in topics or self.settings}
        return self.start(settings, wait=wait)


def check_pace(log: Sequence[Mapping[str, Any]]) -> None:
    """Fail unless all trouble in the log is that something is tried again, and each line waits as the last one said."""
    lines = defaultdict(list)
    for record in log:
        if record["level"] != "info" and record["event"] != "PUBLISHING AN ALERT!!!":
            assert "again_in_s" in record, record
            lines[record["logger"]].append((datetime.fromisoformat(record["timestamp"]), record["again_in_s"]))
    for of_one_logger in lines.values():
        for (then, wait_s), (now, _) in pairwise(of_one_logger):
            assert (now - then).total_seconds() > 0.99 * wait_s


def memory_mb(server: ServerProcess) -> float:
    """Return the memory that a server occupies, MB."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1000


def stopped(sky: Sky, server: ServerProcess) -> None:
    """Stop the broker, and start it when the server has missed it three times."""
    sky.broker.stop()
    for _ in range(3):
        server.wait_for(DOES_NOT_ANSWER)
    sky.broker.start()


def killed(sky: Sky, server: ServerProcess) -> None:
    """Kill the broker, and start it when the server has missed it."""
    sky.broker.kill()
    server.wait_for(DOES_NOT_ANSWER)
    sky.broker.start()


def make_slow(proxy: Proxy) -> None:
    """Let everything take half a second longer, each way."""
    proxy.delay(0.5)


def slow(sky: Sky, _server: ServerProcess) -> None:
    """Let everything take half a second longer, each way, for good."""
    make_slow(sky.broker.proxy)


def held(sky: Sky, _server: ServerProcess) -> None:
    """Let nothing through for a while; connections stand."""
    sky.broker.proxy.hold()
    sky.publish_pairs()
    time.sleep(1)
    sky.broker.proxy.forward()


def swallowed(sky: Sky, server: ServerProcess) -> None:
    """Lose all that is said, until the server opens another connection."""
    sky.broker.proxy.swallow()
    sky.publish_pairs()
    server.wait_for(DOES_NOT_ANSWER)
    sky.broker.proxy.forward()


def cut(sky: Sky, server: ServerProcess) -> None:
    """Reset all connections, again and again."""
    before_mb = memory_mb(server)
    for _ in range(10):
        sky.publish_pairs()
        time.sleep(0.1)
        sky.broker.proxy.cut()
    assert memory_mb(server) < before_mb + 15


FAULTS = [stopped, killed, slow, held, swallowed, cut]


def stop_in_time(*servers: ServerProcess) -> None:
    """Stop servers, all at once, and fail unless each ends well within the 5 s that are promised."""
    start = time.monotonic()
    for server in servers:
        os.kill(server.pid, signal.SIGTERM)
    assert [server.stop() for server in servers] == [0] * len(servers)
    assert time.monotonic() - start < 5


KAFKA = pytest.param("kafka", marks=pytest.mark.services)


@pytest.mark.parametrize(
    ("sky", "fault"),
    [
        ("embedded", killed),
        ("embedded", cut),
        *(pytest.param("kafka", fault, marks=pytest.mark.services) for fault in FAULTS),
    ],
    indirect=["sky"],
)
def test_it_goes_on_by_itself_and_nothing_is_lost(sky: Sky, fault: Callable[[Sky, ServerProcess], None]) -> None:
    server = sky.start_behind_proxy()
    sky.publish_pairs()
    sky.alerted()
    fault(sky, server)
    sky.publish_pairs()
    sky.check()
    sky.broker.proxy.forward()
    assert server.stop() == 0
    check_pace(server.log)


@pytest.mark.parametrize("sky", [KAFKA], indirect=True)
def test_a_backlog_behind_an_outage_takes_no_more_memory(sky: Sky) -> None:
    server = sky.start_behind_proxy()
    sky.publish_pairs()
    sky.alerted()
    before_mb = memory_mb(server)
    sky.broker.proxy.refuse()
    server.wait_for(DOES_NOT_ANSWER)
    ballast = "x" * 10_000
    sky.publish_all(*(observation("LVD", -3 * number, is_test=True, meta={"x": ballast}) for number in range(4_000)))
    sky.publish_pairs()
    sky.broker.proxy.forward()
    sky.check()
    assert memory_mb(server) < before_mb + 30


@pytest.mark.parametrize("sky", [KAFKA], indirect=True)
def test_alerts_wait_for_their_broker(sky: Sky) -> None:
    server = sky.start_behind_proxy("ALERT_TOPIC")
    sky.publish_pairs()
    sky.alerted()
    before_mb = memory_mb(server)
    sky.broker.proxy.swallow()
    sky.publish_pairs()
    server.wait_for("alerts wait to be published")
    sky.publish_pairs(300)
    server.wait_for("alerts wait to be published", lambda line: line["waiting"] == 301)
    assert memory_mb(server) < before_mb + 15
    sky.broker.proxy.forward()
    sky.check()
    assert server.stop() == 0
    check_pace(server.log)


@pytest.mark.services  # not that it needs them: it takes its time
@pytest.mark.parametrize("fault", [Proxy.refuse, Proxy.hold, Proxy.swallow, make_slow])
@pytest.mark.parametrize("sky", ["embedded"], indirect=True)
def test_it_stops_in_time(sky: Sky, tmp_path: Path, fault: Callable[[Proxy], None]) -> None:
    """Whatever it is about when it is told to: reading, publishing, or starting."""
    proxy = sky.broker.proxy
    publishing, starting = (Sky(sky.broker, tmp_path / name) for name in ("publishing", "starting"))
    with closing(publishing), closing(starting):
        servers = [sky.start_behind_proxy(), publishing.start_behind_proxy("ALERT_TOPIC")]
        fault(proxy)
        servers.append(starting.start_behind_proxy(wait=False))
        servers[2].wait_for("journal restored")
        publishing.publish_pairs()
        servers[1].wait_for("PUBLISHING AN ALERT!!!")
        stop_in_time(*servers)
        resuming = publishing.start_behind_proxy("ALERT_TOPIC", wait=False)  # looks for the alert on its topic
        resuming.wait_for("journal restored")
        time.sleep(0.5)
        stop_in_time(resuming)
        proxy.forward()
        publishing.start_behind_proxy("ALERT_TOPIC")
        publishing.check()
