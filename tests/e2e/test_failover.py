"""A Kafka of three nodes loses the leader of a topic at the worst moment."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from snews_cs.streams.address import TopicAddress
from tests.support.kafka import KafkaServer, kafka_cluster
from tests.support.pairs import Pairs
from tests.support.services import require

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


class Cluster(NamedTuple):
    """Nodes of Kafka that are one broker to everybody."""

    nodes: Sequence[KafkaServer]

    @property
    def address(self) -> str:
        """The same as :attr:`plain_address`: nobody logs in here."""
        return self.plain_address

    @property
    def plain_address(self) -> str:
        """``host:port`` of each, separated by commas."""
        return ",".join(node.plain_address for node in self.nodes)

    def url(self, topic: str) -> str:
        """Return the URL of a topic."""
        return f"kafka://{self.plain_address}/{topic}"

    def leader(self, url: str) -> KafkaServer:
        """Return the node that leads a topic's partition; all nodes must be up."""
        topic = TopicAddress.parse(url).topic
        metadata = self.nodes[0].admin().list_topics(topic, timeout=10)
        return self.nodes[metadata.topics[topic].partitions[0].leader]


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    require(request.config, "kafka")
    nodes = kafka_cluster(tmp_path)
    try:
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait()
        yield Cluster(nodes)
    finally:
        for node in nodes:
            node.kill()


def test_the_leaders_are_killed_while_pairs_are_sent(cluster: Cluster, tmp_path: Path) -> None:
    system = Pairs(cluster, tmp_path)
    server = system.start()
    for topic in ("experiments", "alert"):
        for number in range(10):
            system.publish_pairs()
            time.sleep(0.1)
            if number == 3:
                leader = cluster.leader(system.topics[topic])
                leader.kill()
        system.check()
        leader.start()
    assert server.stop() == 0
