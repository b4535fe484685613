"""Apache Kafka: a node, or a cluster."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AclBinding, AclBindingFilter, AdminClient  # type: ignore[attr-defined]

from tests.support.broker import USER
from tests.support.ports import HOST, free_port, listens
from tests.support.service import BUILT, ROOT, START_S, Service


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
