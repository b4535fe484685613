"""What becomes of a topic on a real Kafka while it is read: deleted, made anew, given more partitions."""

from collections.abc import Iterable

import pytest
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]
from structlog.testing import capture_logs

from snews_cs.errors import TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.observations import ObservationStream
from tests.streams.conftest import produce, wait_for
from tests.streams.test_observations import read
from tests.support.broker import create_topic, make_topic
from tests.support.services import KafkaServer

pytestmark = pytest.mark.services

OLD = [b"old %d" % number for number in range(5)]
NEW = [b"new %d" % number for number in range(10)]


def delete(kafka: KafkaServer, topic: str) -> None:
    admin = kafka.admin()
    admin.delete_topics([topic])[topic].result(10)


def values(messages: Iterable[RawMessage]) -> list[bytes | None]:
    return [message.value for message in messages]


@pytest.fixture
def topic(kafka: KafkaServer) -> str:
    """Return the name of a topic that holds OLD."""
    name = make_topic(kafka)
    produce(kafka.plain_address, name, *OLD)
    return name


def open_stream(kafka: KafkaServer, topic: str) -> ObservationStream:
    return ObservationStream(kafka.url(topic), group_id=f"group of {topic}", auth=False)


def test_a_topic_made_anew_at_once_is_read_from_its_start(kafka: KafkaServer, topic: str) -> None:
    with open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        delete(kafka, topic)
        create_topic(kafka.plain_address, topic)
        produce(kafka.plain_address, topic, *NEW)
        seen: list[RawMessage] = []
        while NEW[0] not in values(seen) or seen[-1].value != NEW[-1]:  # some may come before that is noticed
            arrived = stream.batch(1.0, 100)
            stream.mark_done(arrived)
            seen += arrived
    assert set(values(seen)) == set(NEW)
    with open_stream(kafka, topic) as stream:
        produce(kafka.plain_address, topic, b"last")
        assert values(read(stream, 1)) == [b"last"]


def test_a_deleted_topic_is_missed(kafka: KafkaServer, topic: str) -> None:
    with capture_logs() as lines, open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        delete(kafka, topic)
        wait_for(lambda: isinstance(stream.problem, TopicMissing))
        assert not stream.is_open
        create_topic(kafka.plain_address, topic)
        produce(kafka.plain_address, topic, *NEW)
        assert values(read(stream, len(NEW))) == NEW
    assert lines[0]["event"].startswith(f"topic {topic} does not exist on {kafka.plain_address}")


def test_a_topic_made_anew_while_nobody_reads(kafka: KafkaServer, topic: str) -> None:
    with open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
    delete(kafka, topic)
    create_topic(kafka.plain_address, topic)
    produce(kafka.plain_address, topic, *NEW)
    with open_stream(kafka, topic) as stream:
        assert values(read(stream, len(NEW))) == NEW


def test_a_partition_that_is_added_is_read(kafka: KafkaServer, topic: str) -> None:
    with capture_logs() as lines, open_stream(kafka, topic) as stream:
        stream.mark_done(read(stream, len(OLD)))
        admin = kafka.admin()
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result(10)
        produce(kafka.plain_address, topic, b"in the new one", partition=1)
        assert [(message.partition, message.value) for message in read(stream, 1)] == [(1, b"in the new one")]
    assert lines == []
