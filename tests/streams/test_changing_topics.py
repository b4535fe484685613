"""What becomes of a topic while it is read: deleted, made anew, given more partitions.

The embedded broker gives topics no ids: there a topic must be gone for a moment to be known as another one.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]
from structlog.testing import capture_logs

from snews_cs.errors import TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.observations import ObservationStream
from tests.streams.conftest import produce, wait_for
from tests.streams.test_observations import read
from tests.support.broker import Broker, create_topic, make_topic
from tests.support.kafka import KafkaServer
from tests.support.proxy import Proxy
from tests.support.services import require

OLD = [b"old %d" % number for number in range(5)]
NEW = [b"new %d" % number for number in range(10)]


def delete(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.plain_address, "log_level": 0})
    admin.delete_topics([topic])[topic].result(10)


def make_anew(broker: Broker, topic: str) -> None:
    """Delete a topic, make another one of that name, and write NEW to it."""
    delete(broker, topic)
    create_topic(broker.plain_address, topic)
    produce(broker.plain_address, topic, *NEW)


def values(messages: Iterable[RawMessage]) -> list[bytes | None]:
    return [message.value for message in messages]


@pytest.fixture
def topic(broker: Broker) -> str:
    """Return the name of a topic that holds OLD."""
    name = make_topic(broker)
    produce(broker.plain_address, name, *OLD)
    return name


def open_stream(broker: Broker, topic: str) -> ObservationStream:
    return ObservationStream(broker.url(topic), group_id=f"group of {topic}", auth=False)


def read_new(stream: ObservationStream) -> list[RawMessage]:
    """Read until NEW has come from its start, whatever came before that was noticed."""
    seen: list[RawMessage] = []
    while NEW[0] not in values(seen) or seen[-1].value != NEW[-1]:
        arrived = stream.batch(1.0, 100)
        stream.mark_done(arrived)
        seen += arrived
    return seen


def test_a_deleted_topic_is_missed(broker: Broker, topic: str) -> None:
    with capture_logs() as lines, open_stream(broker, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        delete(broker, topic)
        wait_for(lambda: isinstance(stream.problem, TopicMissing))
        assert not stream.is_open
        create_topic(broker.plain_address, topic)
        produce(broker.plain_address, topic, *NEW)
        assert values(read(stream, len(NEW))) == NEW
    assert lines[0]["event"].startswith(f"topic {topic} does not exist on {broker.plain_address}")


def test_a_topic_made_anew_while_nobody_reads(broker: Broker, topic: str) -> None:
    with open_stream(broker, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
    make_anew(broker, topic)
    with open_stream(broker, topic) as stream:
        assert values(read(stream, len(NEW))) == NEW


@pytest.fixture
def proxied_kafka(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[KafkaServer, Proxy]]:
    require(request.config, "kafka")
    with Proxy() as proxy, KafkaServer(tmp_path, proxied=(proxy.target, proxy.port)) as server:
        yield server, proxy


@pytest.mark.services
def test_a_topic_made_anew_at_once_is_read_from_its_start(kafka: KafkaServer) -> None:
    topic = make_topic(kafka)
    produce(kafka.plain_address, topic, *OLD)
    with open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        make_anew(kafka, topic)
        assert set(values(read_new(stream))) == set(NEW)
    with open_stream(kafka, topic) as stream:
        produce(kafka.plain_address, topic, b"last")
        assert values(read(stream, 1)) == [b"last"]


@pytest.mark.services
def test_a_topic_made_anew_unseen_is_read_from_its_start(proxied_kafka: tuple[KafkaServer, Proxy]) -> None:
    """What nothing but its id tells: librdkafka goes on at the old position in the new topic, and commits there."""
    kafka, proxy = proxied_kafka
    url = f"kafka://{proxy.address}/{make_topic(kafka)}"
    topic = TopicAddress.parse(url).topic
    produce(kafka.plain_address, topic, *OLD)
    with ObservationStream(url, group_id="g", auth=False) as stream:
        stream.mark_done(read(stream, len(OLD)))
        proxy.hold()
        make_anew(kafka, topic)
        proxy.forward()
        stream.mark_done(read(stream, len(NEW) - len(OLD)))  # and stop before that is noticed
    with ObservationStream(url, group_id="g", auth=False) as stream:
        assert values(read(stream, len(NEW))) == NEW
        proxy.hold()
        make_anew(kafka, topic)
        proxy.forward()
        assert set(values(read_new(stream))) == set(NEW)


@pytest.mark.services
def test_a_partition_that_is_added_is_read(kafka: KafkaServer) -> None:
    topic = make_topic(kafka)
    produce(kafka.plain_address, topic, *OLD)
    with capture_logs() as lines, open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        admin = kafka.admin()
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result(10)
        produce(kafka.plain_address, topic, b"in the new one", partition=1)
        assert [(message.partition, message.value) for message in read(stream, 1)] == [(1, b"in the new one")]
    assert lines == []
