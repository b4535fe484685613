"""Real servers: Apache Kafka, and FerretDB, which speaks MongoDB's protocol. ``make services`` builds them.

Each is a process that a test may start, stop, kill and freeze, on ports and in a directory of its own.
"""

import random
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AclBinding, AclBindingFilter, AdminClient  # type: ignore[attr-defined]

from tests.support.broker import PASSWORD, USER

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".services"
"""What ``make services`` made."""

HOST = "127.0.0.1"
START_S = 60.0
"""How long a server may take to answer; a bound against hanging, not a measure."""

STOP_S = 20.0


class Service(ABC):
    """A server in a process of its own, which ends with this one whatever happens; it begins stopped.

    Parameters
    ----------
    directory
        Its own: data, and ``log`` with what it says.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Number of the process that runs."""
        return self._running().pid

    def start(self) -> Self:
        """Start it, on the ports it had before, and wait until it answers."""
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        assert self._process is None, "it runs already"
        self._prepare()
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        watch = 'read -r _; kill -9 "$1"'  # the pipe ends when this process does
        self._guard = subprocess.Popen(
            ["sh", "-c", watch, "guard", str(self._process.pid)], stdin=subprocess.PIPE, process_group=0
        )

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + START_S
        while not self._answers():
            if self._running().poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"{type(self).__name__} does not start:\n" + self._last_words())
            time.sleep(0.02)

    def stop(self) -> None:
        """Tell it to stop, and wait until it has. No effect on one that does not run."""
        self._end(SIGTERM)

    def kill(self) -> None:
        """Kill it. No effect on one that does not run."""
        self._end(SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: its connections stand, and nobody answers."""
        self._running().send_signal(SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        self._running().send_signal(SIGCONT)

    def forget(self) -> None:
        """Delete its data; only while it is stopped."""
        assert self._process is None, "it runs"
        shutil.rmtree(self._data, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # nobody needs its data any more

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @abstractmethod
    def _prepare(self) -> None:
        """Make what it needs for starting."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return what starts it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it can be used."""

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it does not run"
        return self._process

    def _last_words(self) -> str:
        return "\n".join((self.directory / "log").read_text(errors="replace").splitlines()[-20:])

    def _end(self, signal: Signals) -> None:
        process, guard, self._process, self._guard = self._process, self._guard, None, None
        if process is None or guard is None:
            return
        guard.kill()
        guard.communicate()
        process.send_signal(signal)
        process.send_signal(SIGCONT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


class FerretServer(Service):
    """FerretDB with SQLite behind it: no TTL indexes, no transactions."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._port = free_port()

    @property
    def url(self) -> str:
        """Its address, for ``DATABASE_SERVER``."""
        return f"mongodb://{HOST}:{self._port}"

    def _prepare(self) -> None:
        self._data.mkdir(exist_ok=True)

    def _command(self) -> Sequence[str | Path]:
        return BUILT / "ferretdb" / "ferretdb", f"{HOST}:{self._port}", self._data

    def _answers(self) -> bool:
        return listens(self._port)


class KafkaPorts(NamedTuple):
    """Where a node listens: for clients without login, for clients that log in, for the other nodes' controllers."""

    plain: int
    sasl: int
    controller: int


class KafkaServer(Service):
    """A node of Apache Kafka, broker and controller (KRaft); by default the only one of its cluster.

    Who logs in (SASL_PLAINTEXT; PLAIN or SCRAM-SHA-512) is held to the access control lists, where a resource has any;
    who does not may do everything.

    Parameters
    ----------
    directory
        See :class:`Service`.
    users
        Password of each user.
    auto_create
        Whether a topic is made when a client first asks for it.
    cluster
        The nodes of the cluster.
    node
        Which of them this is, from 0.
    proxied
        Port of one more listener without login, and the port that its clients are told, where a proxy leads to it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        auto_create: bool = False,
        cluster: Sequence[KafkaPorts] = (),
        node: int = 0,
        proxied: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(directory)
        self._proxied = proxied
        self._users = dict(users or {})
        self._auto_create = auto_create
        self._cluster = cluster or [free_kafka_ports()]
        self._node = node

    @property
    def address(self) -> str:
        """``host:port`` of the listener that asks for a login."""
        return f"{HOST}:{self._ports.sasl}"

    @property
    def plain_address(self) -> str:
        """``host:port`` of the listener that asks for no login."""
        return f"{HOST}:{self._ports.plain}"

    def url(self, topic: str) -> str:
        """Return hop's URL of a topic on the listener that asks for no login."""
        return f"kafka://{self.plain_address}/{topic}"

    def admin(self) -> AdminClient:
        """Return a client that may do everything."""
        return AdminClient({"bootstrap.servers": self.plain_address, "log_level": 0})

    def permit(self, kind: Literal["topic", "group"], name: str, operation: str, *, user: str = USER) -> None:
        """Let one user who logs in do this (``READ``, ``WRITE``, ``DESCRIBE``) with a topic or group, and no other."""
        admin = self.admin()
        every = AclBindingFilter(kind, name, "literal", None, None, "any", "any")  # type: ignore[arg-type]
        for deleted in admin.delete_acls([every]).values():
            deleted.result(10)
        allowed = AclBinding(kind, name, "literal", f"User:{user}", "*", operation, "allow")
        for created in admin.create_acls([allowed]).values():
            created.result(10)

    @property
    def _ports(self) -> KafkaPorts:
        return self._cluster[self._node]

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _prepare(self) -> None:
        if self._data.exists():
            return
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        scram = [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in self._users.items()]
        tool = _java("kafka.tools.StorageTool", "format", "--cluster-id=tests", "--config", self._properties, *scram)
        done = subprocess.run(tool, capture_output=True, text=True, timeout=START_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _settings(self) -> dict[str, Any]:
        nodes = len(self._cluster)
        listeners = advertised = f"PLAIN://{self.plain_address},LOGIN://{self.address}"
        if self._proxied is not None:
            listeners += f",PROXIED://{HOST}:{self._proxied[0]}"
            advertised += f",PROXIED://{HOST}:{self._proxied[1]}"
        users = "".join(f' user_{name}="{password}"' for name, password in self._users.items())
        login = "org.apache.kafka.common.security"
        return {
            "process.roles": "broker,controller",
            "node.id": self._node,
            "controller.quorum.voters": ",".join(
                f"{node}@{HOST}:{ports.controller}" for node, ports in enumerate(self._cluster)
            ),
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listeners},CONTROLLER://{HOST}:{self._ports.controller}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": (
                "PLAIN:PLAINTEXT,PROXIED:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "inter.broker.listener.name": "PLAIN",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.login.plain.sasl.jaas.config": f"{login}.plain.PlainLoginModule required{users};",
            "listener.name.login.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
            "super.users": "User:ANONYMOUS",
            "auto.create.topics.enable": str(self._auto_create).lower(),
            "default.replication.factor": nodes,
            "min.insync.replicas": nodes // 2 + 1,
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": nodes,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": nodes,
            "transaction.state.log.min.isr": nodes // 2 + 1,
            "group.initial.rebalance.delay.ms": 0,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 2_000,  # a node that was killed cannot come back before
            "log.dirs": self._data,
        }

    def _command(self) -> Sequence[str | Path]:
        return _java("kafka.Kafka", self._properties)

    def _answers(self) -> bool:
        """Whether all nodes are there, and somebody keeps the positions of consumer groups."""
        if not listens(self._ports.plain):
            return False
        consumer = Consumer({"bootstrap.servers": self.plain_address, "group.id": "any", "log_level": 0})
        try:
            consumer.committed([TopicPartition("any", 0)], timeout=1)
            return len(consumer.list_topics(timeout=1).brokers) == len(self._cluster)
        except KafkaException:
            return False
        finally:
            consumer.close()


def kafka_cluster(directory: Path, nodes: int = 3, **options: Any) -> list[KafkaServer]:
    """Return the nodes of a cluster, none of them started: :meth:`~Service.launch` all, then wait for each."""
    cluster = [free_kafka_ports() for _ in range(nodes)]
    return [KafkaServer(directory / f"node{node}", cluster=cluster, node=node, **options) for node in range(nodes)]


def _java(*arguments: str | Path) -> Sequence[str | Path]:
    """Return how to run Java for a short life in little memory."""
    return (
        "java",
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Dlog4j.configuration=file:{ROOT / 'tests' / 'services' / 'kafka' / 'log4j.properties'}",
        "-cp",
        BUILT / "kafka" / "lib" / "*",
        *arguments,
    )


def free_kafka_ports() -> KafkaPorts:
    """Return three free ports."""
    return KafkaPorts(free_port(), free_port(), free_port())


_given: set[int] = set()


def free_port() -> int:
    """Return a port that is free, and not one of those that the system gives away: it stays free for a restart."""
    choice = random.SystemRandom()
    while True:
        port = choice.randrange(16_384, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            if port not in _given:
                _given.add(port)
                return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Give the session's Kafka, with the user of the embedded broker; mark the test ``services``."""
    require(request.config, "kafka")
    with KafkaServer(tmp_path_factory.mktemp("kafka"), users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture(scope="session")
def ferretdb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FerretServer]:
    """Give the session's server of the MongoDB protocol; mark the test ``services``."""
    require(request.config, "ferretdb")
    with FerretServer(tmp_path_factory.mktemp("ferretdb")) as server:
        yield server


def require(config: pytest.Config, name: str) -> None:
    """Skip, with one line that says why, if a server could not be built; fail under ``--require-services``."""
    place = BUILT / name
    if (place / "stamp").exists():
        return
    try:
        why = (place / "unavailable").read_text().strip()
    except FileNotFoundError:
        why = "`make services` makes it"
    reason = f"no {place.relative_to(ROOT)}: {why}"
    if config.getoption("--require-services"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
