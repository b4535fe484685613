"""What is published is acknowledged, reads as hop's own clients expect, and what is not says why."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hop import Stream
from hop.io import Metadata, StartPosition
from hop.models import JSONBlob

from snews_cs.errors import AccessDenied, BrokerUnreachable, NotDelivered, StreamError, TopicMissing
from snews_cs.streams.publication import Publication
from snews_cs.streams.publisher import AlertPublisher
from snews_cs.streams.statistics import Statistics
from tests.streams.conftest import OwnBroker, produce, wait_for
from tests.support.broker import PASSWORD, USER, Broker, make_topic, write_auth

ID = bytes(range(16))


@pytest.fixture
def publisher() -> Iterator[AlertPublisher]:
    with AlertPublisher([], auth=False) as opened:
        yield opened


def read_with_hop(url: str, *, auth: bool = False) -> list[tuple[Any, Metadata]]:
    with Stream(auth=auth, start_at=StartPosition.EARLIEST, until_eos=True).open(url, "r") as stream:
        return list(stream.read(metadata=True))


def publication(url: str, number: int) -> Publication:
    return Publication(url=url, key="event", payload=json.dumps({"number": number}).encode(), message_id=ID)


def publish(publisher: AlertPublisher, url: str, payload: bytes) -> None:
    publisher.publish_all([Publication(url=url, key="event", payload=payload, message_id=ID)])


def test_hop_reads_what_is_published(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    publish(publisher, broker.url(topic), b'{"id": "SNEWS_Coincidence_ALERT"}')
    [(message, metadata)] = read_with_hop(broker.url(topic))
    assert isinstance(message, JSONBlob)
    assert message.content == {"id": "SNEWS_Coincidence_ALERT"}
    assert metadata.key == b"event"
    assert dict(metadata.headers) == {"_id": ID, "_format": b"json"}


def test_who_logs_in_is_named_as_sender(
    broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    write_auth(tmp_path, broker.address)
    url = f"kafka://{broker.address}/{topic}"
    with AlertPublisher([url], auth=True) as publisher:
        publisher.warm_up()
        publish(publisher, url, b"{}")
    [(_, metadata)] = read_with_hop(broker.url(topic))
    assert dict(metadata.headers) == {"_id": ID, "_format": b"json", "_sender": USER.encode()}


def test_many_are_published_in_order_and_each_once(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    publisher.publish_all([publication(broker.url(topic), number) for number in range(500)])
    assert [message.content["number"] for message, _ in read_with_hop(broker.url(topic))] == list(range(500))


def test_several_topics_are_published_to(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    other = make_topic(broker)
    publisher.publish_all([publication(broker.url(topic), 1), publication(broker.url(other), 2)])
    assert [message.content["number"] for message, _ in read_with_hop(broker.url(topic))] == [1]
    assert [message.content["number"] for message, _ in read_with_hop(broker.url(other))] == [2]


def test_a_broker_that_is_down_is_reported_and_taken_up_again(own_broker: OwnBroker, publisher: AlertPublisher) -> None:
    publisher.publish_all([publication(own_broker.url, 1)])
    own_broker.stop()
    with pytest.raises(BrokerUnreachable, match="Connection refused"):
        publisher.publish_all([publication(own_broker.url, 2)])
    own_broker.start()
    publisher.publish_all([publication(own_broker.url, 3)])
    assert [message.content["number"] for message, _ in read_with_hop(own_broker.url)] == [1, 3]


def test_a_missing_topic_is_named(own_broker: OwnBroker) -> None:
    url = f"kafka://{own_broker.address}/missing"
    with AlertPublisher([url], auth=False) as publisher:
        with pytest.raises(TopicMissing, match="topic missing does not exist"):
            publisher.warm_up()
        with pytest.raises(TopicMissing, match="topic missing does not exist"):
            publish(publisher, url, b"{}")


def test_warming_up_says_that_the_broker_is_down(own_broker: OwnBroker) -> None:
    own_broker.stop()
    publisher = AlertPublisher([own_broker.url], auth=False)
    with pytest.raises(BrokerUnreachable, match="Connection refused"):
        publisher.warm_up()


def test_a_wrong_password_is_named_and_the_right_one_taken_up(
    broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    url = f"kafka://{broker.address}/{topic}"
    with AlertPublisher([url], auth=True) as publisher:
        with pytest.raises(AccessDenied, match=r"auth\.toml does not exist"):
            publish(publisher, url, b"{}")
        write_auth(tmp_path, broker.address, password="quite wrong")
        with pytest.raises(AccessDenied, match="refuses the login") as caught:
            publish(publisher, url, b"{}")
        write_auth(tmp_path, broker.address)
        publish(publisher, url, b"{}")
    assert PASSWORD not in str(caught.value)
    assert len(read_with_hop(broker.url(topic))) == 1


def test_what_the_broker_does_not_take_is_not_delivered(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    with pytest.raises(NotDelivered):
        publish(publisher, broker.url(topic), b"x" * 9_000_000)
    publish(publisher, broker.url(topic), b"{}")
    assert len(read_with_hop(broker.url(topic))) == 1


def test_the_tail_is_the_last_objects_of_all_partitions(broker: Broker, publisher: AlertPublisher) -> None:
    topic = make_topic(broker, partitions=3)
    for number in range(6):
        produce(broker.plain_address, topic, b'{"number": %d}' % number, partition=number % 3)
    whole = publisher.tail(broker.url(topic), 100)
    assert sorted(record["number"] for record in whole) == list(range(6))
    assert len(publisher.tail(broker.url(topic), 2)) == 2


def test_the_tail_passes_over_what_is_no_object(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    junk = [None, b"", b"\xff", b"not JSON", b"[1]", b'"text"', b"[" * 100_000]
    produce(broker.plain_address, topic, b'{"number": 1}', *junk, b'{"number": 2}')
    assert publisher.tail(broker.url(topic), 100) == [{"number": 1}, {"number": 2}]


def test_the_tail_of_an_empty_topic_is_empty(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    assert publisher.tail(broker.url(topic), 100) == []


def test_the_tail_leaves_out_what_is_older(broker: Broker, topic: str, publisher: AlertPublisher) -> None:
    produce(broker.plain_address, topic, b'{"number": 1}')
    now = datetime.now(UTC)
    assert publisher.tail(broker.url(topic), 100, since=now - timedelta(hours=1)) == [{"number": 1}]
    assert publisher.tail(broker.url(topic), 100, since=now + timedelta(hours=1)) == []


def test_nothing_stands_on_a_topic_that_does_not_exist(own_broker: OwnBroker, publisher: AlertPublisher) -> None:
    assert publisher.tail(f"kafka://{own_broker.address}/missing", 100) == []


def test_the_tail_is_not_known_while_the_broker_is_down(own_broker: OwnBroker, publisher: AlertPublisher) -> None:
    own_broker.stop()
    with pytest.raises(BrokerUnreachable, match="Connection refused"):
        publisher.tail(own_broker.url, 100)


def test_malformed_settings_of_hop_are_one_line(
    broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hop").mkdir()
    (tmp_path / "hop" / "config.toml").write_text("[[[")
    with AlertPublisher([], auth=False) as publisher, pytest.raises(StreamError, match=r"config\.toml"):
        publish(publisher, broker.url(topic), b"{}")


def test_statistics_come_while_nothing_is_published(broker: Broker, topic: str) -> None:
    heard: list[Statistics] = []
    with AlertPublisher([broker.url(topic)], auth=False, on_statistics=heard.append) as publisher:
        publisher.warm_up()
        wait_for(lambda: any(each["state"] == "UP" for stats in heard for each in stats["brokers"].values()))
    assert {stats["type"] for stats in heard} == {"producer"}
