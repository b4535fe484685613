"""Unmodified clients: librdkafka, and hop's command line and API."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from hop import Stream
from hop.io import StartPosition
from hop.models import JSONBlob

from snews_cs.broker.process import BrokerProcess, start_broker
from tests.broker.clients import PATIENCE, end_offset, read, write
from tests.support.broker import make_topic

HOP = [sys.executable, "-m", "hop"]


def run_hop(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run([*HOP, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_messages_come_back_as_they_were_written(
    broker: BrokerProcess, topic: str, compression: str, idempotent: bool
) -> None:
    values = [f"{number} ".encode() * 100 for number in range(300)]
    settings: dict[str, Any] = {"compression.type": compression, "enable.idempotence": idempotent, "linger.ms": 20}
    assert write(broker.plain_address, topic, values, **settings) == list(range(300))
    checked: dict[str, Any] = {"check.crcs": True}
    found = read(broker.plain_address, topic, 300, **checked)
    assert [message.value() for message in found] == values
    assert [message.offset() for message in found] == list(range(300))


def test_key_headers_time_and_the_missing_value_come_back(broker: BrokerProcess, topic: str) -> None:
    headers: list[tuple[str, str | bytes | None]] = [
        ("_id", bytes(range(16))),
        ("_format", b"json"),
        ("empty", b""),
        ("none", None),
    ]
    producer = Producer({"bootstrap.servers": broker.plain_address})
    producer.produce(topic, None, key=b"key", headers=headers, timestamp=1_700_000_000_123)
    assert producer.flush(PATIENCE) == 0
    (message,) = read(broker.plain_address, topic, 1)
    assert (message.value(), message.key(), message.headers()) == (None, b"key", headers)
    assert message.timestamp() == (confluent_kafka.TIMESTAMP_CREATE_TIME, 1_700_000_000_123)


@pytest.mark.parametrize("acks", [0, 1, -1])
def test_every_kind_of_acknowledgement(broker: BrokerProcess, topic: str, acks: int) -> None:
    write(broker.plain_address, topic, [b"a", b"b"], acks=acks)
    assert [message.value() for message in read(broker.plain_address, topic, 2)] == [b"a", b"b"]


def test_partitions_are_logs_of_their_own(broker: BrokerProcess) -> None:
    topic = make_topic(broker, partitions=3)
    for partition in range(3):
        write(
            broker.plain_address, topic, [f"{partition}.{number}".encode() for number in range(5)], partition=partition
        )
    for partition in range(3):
        found = read(broker.plain_address, topic, 5, partition=partition)
        assert [message.value().decode() for message in found] == [f"{partition}.{number}" for number in range(5)]
        assert [message.offset() for message in found] == list(range(5))
    found = read(broker.plain_address, topic, 2, partition=1, offset=3)
    assert [message.offset() for message in found] == [3, 4]


def test_offsets_by_time_and_at_both_ends(broker: BrokerProcess, topic: str) -> None:
    start = 1_700_000_000_000
    producer = Producer({"bootstrap.servers": broker.plain_address, "linger.ms": 50})
    for number in range(10):
        producer.produce(topic, b"x", partition=0, timestamp=start + 1000 * number)
    assert producer.flush(PATIENCE) == 0
    consumer = Consumer({"bootstrap.servers": broker.plain_address, "group.id": "reader"})

    def offset_at(timestamp: int) -> int:
        return int(consumer.offsets_for_times([TopicPartition(topic, 0, timestamp)], timeout=PATIENCE)[0].offset)

    assert [offset_at(start + ms) for ms in (-5, 0, 1, 1000, 8999, 9000)] == [0, 0, 1, 1, 9, 9]
    assert offset_at(start + 9001) == confluent_kafka.OFFSET_END
    assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE) == (0, 10)
    consumer.close()


def test_a_reader_waits_for_what_is_not_there_yet(broker: BrokerProcess, topic: str) -> None:
    found: list[Any] = []
    settings: dict[str, Any] = {"fetch.wait.max.ms": 50_000}
    thread = threading.Thread(target=lambda: found.extend(read(broker.plain_address, topic, 1, **settings)))
    thread.start()
    time.sleep(0.5)
    write(broker.plain_address, topic, [b"late"])
    thread.join()  # it gives up before its question would be answered if nobody woke it
    assert [message.value() for message in found] == [b"late"]


def test_a_message_longer_than_the_reader_asks_for_is_read_all_the_same(broker: BrokerProcess, topic: str) -> None:
    value = bytes(3_000_000)
    write(broker.plain_address, topic, [value, b"next"], **{"message.max.bytes": 4_000_000})
    settings: dict[str, Any] = {"fetch.message.max.bytes": 1000, "fetch.max.bytes": 4_000_000}
    assert [message.value() for message in read(broker.plain_address, topic, 2, **settings)] == [value, b"next"]


def test_a_message_too_large_is_refused_and_the_next_one_is_not(broker: BrokerProcess, topic: str) -> None:
    errors: list[Any] = []
    producer = Producer({"bootstrap.servers": broker.plain_address, "message.max.bytes": 20_000_000})
    producer.produce(topic, bytes(9_000_000), on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(PATIENCE) == 0
    producer.produce(topic, b"small", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(PATIENCE) == 0
    assert errors[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert errors[1] is None


def test_reading_past_the_end_starts_over_where_the_reader_wants(broker: BrokerProcess, topic: str) -> None:
    write(broker.plain_address, topic, [b"only"])
    settings: dict[str, Any] = {"auto.offset.reset": "earliest"}
    (message,) = read(broker.plain_address, topic, 1, offset=1000, **settings)
    assert message.offset() == 0


def test_transactions_are_refused_at_once(broker: BrokerProcess) -> None:
    producer = Producer({"bootstrap.servers": broker.plain_address, "transactional.id": "no"})
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(PATIENCE)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_offsets_are_committed_per_group(broker: BrokerProcess, topic: str) -> None:
    write(broker.plain_address, topic, [b"a", b"b", b"c"])

    def group(name: str) -> Consumer:
        return Consumer({"bootstrap.servers": broker.plain_address, "group.id": name, "enable.auto.commit": False})

    first = group("one")
    first.commit(offsets=[TopicPartition(topic, 0, 2)], asynchronous=False)
    first.close()
    for name, expected in [("one", 2), ("two", confluent_kafka.OFFSET_INVALID)]:
        consumer = group(name)
        assert [each.offset for each in consumer.committed([TopicPartition(topic, 0)], timeout=PATIENCE)] == [expected]
        consumer.close()


def test_a_topic_can_be_deleted_and_its_producer_goes_on(broker: BrokerProcess, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.plain_address})
    producer = Producer({"bootstrap.servers": broker.plain_address, "enable.idempotence": True})
    for _ in range(2):
        producer.produce(topic, b"x")
        assert producer.flush(PATIENCE) == 0
    admin.delete_topics([topic])[topic].result(PATIENCE)
    producer.produce(topic, b"after")
    assert producer.flush(PATIENCE) == 0
    assert [message.value() for message in read(broker.plain_address, topic, 1)] == [b"after"]
    assert end_offset(broker.plain_address, topic) == 1


def test_topics_describe_themselves(broker: BrokerProcess, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.plain_address})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource])[resource].result(PATIENCE)
    assert int(configs["max.message.bytes"].value) >= 1_048_588
    metadata = admin.list_topics(timeout=PATIENCE)
    assert topic in metadata.topics
    assert {f"{each.host}:{each.port}" for each in metadata.brokers.values()} == {broker.plain_address}


def test_topics_are_made_for_writers_and_not_for_readers(broker: BrokerProcess) -> None:
    consumer = Consumer({"bootstrap.servers": broker.plain_address, "group.id": "reader"})
    metadata = consumer.list_topics("nobody-writes-to-this", timeout=PATIENCE)
    assert metadata.topics["nobody-writes-to-this"].error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    consumer.close()
    assert write(broker.plain_address, "made-by-writing", [b"x"]) == [0]


def test_topics_are_not_made_where_that_is_not_wanted(tmp_path: Path) -> None:
    with start_broker(tmp_path, topics=["there"], auto_create=False, partitions=2) as process:
        assert write(process.address, "there", [b"x"], partition=1) == [0]
        admin = AdminClient({"bootstrap.servers": process.address})
        resource = ConfigResource(ResourceType.TOPIC, "not-there")
        with pytest.raises(KafkaException) as refused:
            admin.describe_configs([resource])[resource].result(PATIENCE)
        assert refused.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        assert set(admin.list_topics(timeout=PATIENCE).topics) == {"there"}


def test_hop_publish_and_subscribe(broker: BrokerProcess, tmp_path: Path) -> None:
    url = broker.url("hop-command")
    message = tmp_path / "message.json"
    message.write_text(json.dumps({"detector_name": "XENONnT", "neutrino_time": "2030-01-01T12:30:00"}))
    run_hop("publish", "--no-auth", url, str(message))
    run_hop("publish", "--no-auth", "-f", "JSON", url, str(message))
    run_hop("publish", "--no-auth", "-f", "JSON", url, stdin='{"line": 1}\n{"line": 2}\n')
    shown = run_hop("subscribe", "--no-auth", "-s", "EARLIEST", "-e", "-j", url).splitlines()
    assert len(shown) == 4
    assert "hop-command" in run_hop("list-topics", "--no-auth", f"kafka://{broker.plain_address}")


def test_hop_api_writes_and_goes_on_reading_where_it_was(broker: BrokerProcess) -> None:
    url = broker.url("hop-api")
    written: list[Any] = []
    with Stream(auth=False).open(url, "w") as producer:
        for number in range(6):
            producer.write(JSONBlob({"number": number}), delivery_callback=lambda error, _: written.append(error))
        producer.flush(timedelta(seconds=PATIENCE))
    assert written == [None] * 6
    assert [read_by_hop(url, 3), read_by_hop(url, 3)] == [[0, 1, 2], [3, 4, 5]]


def read_by_hop(url: str, count: int) -> Sequence[int]:
    found = []
    with Stream(auth=False, start_at=StartPosition.EARLIEST).open(url, "r", group_id="snews_cs") as consumer:
        for message, metadata in consumer.read(metadata=True, batch_size=1, autocommit=False):
            found.append(message.content["number"])
            consumer.mark_done(metadata)
            if len(found) == count:
                break
    return found
