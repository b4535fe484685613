"""Clients of librdkafka end where that may hang: in a thread that nothing waits for."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import adc.consumer
import adc.producer
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from hop.io import Producer

from snews_cs.errors import BrokerUnreachable, StreamError
from snews_cs.streams import lookup
from snews_cs.streams.consumer import RecordConsumer
from snews_cs.streams.ending import THREAD_NAME
from snews_cs.streams.lookup import Topic, TopicLookup
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.publisher import AlertPublisher
from tests.streams.conftest import OwnBroker, wait_for
from tests.streams.test_publisher import publish
from tests.support.broker import Broker


class Ends:
    """Where clients of librdkafka end: the names of threads."""

    def __init__(self) -> None:
        self._threads: list[str] = []
        self._clients: list[weakref.ref[object]] = []

    def watched(self, begin: Callable[..., None]) -> Callable[..., None]:
        """Return a constructor that is heard of."""

        def begin_watched(client: object, *args: Any, **options: Any) -> None:
            self._clients.append(weakref.ref(client, lambda _: self._threads.append(threading.current_thread().name)))
            begin(client, *args, **options)

        return begin_watched

    def check(self, least: int) -> None:
        """Fail unless so many have begun, and all have ended where that may hang."""
        wait_for(lambda: len(self._threads) == len(self._clients))
        assert len(self._clients) >= least
        assert set(self._threads) == {THREAD_NAME}


class OurAdminClient(AdminClient):
    """One that is not the tests' own."""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    """Hear where clients of librdkafka end that are begun from now on, without the garbage collector's help."""
    ends = Ends()
    monkeypatch.setattr(lookup, "AdminClient", OurAdminClient)
    for kind in (adc.consumer.Consumer, adc.producer.Producer, OurAdminClient):
        monkeypatch.setattr(kind, "__init__", ends.watched(kind.__init__))
    gc.disable()
    yield ends
    gc.enable()


def test_clients_of_a_broker_that_is_gone_end_in_a_thread_of_their_own(own_broker: OwnBroker, ends: Ends) -> None:
    with ObservationStream(own_broker.url, group_id="g", auth=False) as stream:
        wait_for(lambda: stream.is_open)
        own_broker.stop()
        wait_for(lambda: isinstance(stream.problem, BrokerUnreachable))
        own_broker.start()
        wait_for(lambda: stream.is_open)
    with AlertPublisher([own_broker.url], auth=False) as publisher:
        publisher.warm_up()
        own_broker.stop()
        with pytest.raises(BrokerUnreachable):
            publisher.warm_up()
    ends.check(least=8)


def test_questions_without_an_answer_keep_no_client(
    broker: Broker, topic: str, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, ask = 0, TopicLookup.has_changed

    def has_changed(lookup: TopicLookup, known: Topic) -> bool:
        nonlocal questions
        questions += 1
        return ask(lookup, known)

    monkeypatch.setattr(TopicLookup, "has_changed", has_changed)
    monkeypatch.setattr(lookup, "WATCH_S", 1e-6)  # which is also how long the broker may take
    with ObservationStream(broker.url(topic), group_id="g", auth=False) as stream:
        wait_for(lambda: questions > 3)
        assert stream.problem is None
    ends.check(least=2)


@pytest.mark.parametrize("error", [KafkaError._TIMED_OUT, KafkaError.TOPIC_AUTHORIZATION_FAILED])
def test_a_reader_that_cannot_begin_ends_in_a_thread_of_its_own(
    broker: Broker, topic: str, ends: Ends, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def fail(_consumer: RecordConsumer, *_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(error))

    monkeypatch.setattr(RecordConsumer, "begin", fail)
    with ObservationStream(broker.url(topic), group_id="g", auth=False) as stream:
        wait_for(lambda: stream.problem is not None)
    ends.check(least=2)


def test_an_error_of_publishing_refers_to_no_client(
    broker: Broker, topic: str, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_producer: Producer, *_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))

    monkeypatch.setattr(Producer, "write_raw", fail)
    url = broker.url(topic)
    with pytest.raises(StreamError) as caught, AlertPublisher([url], auth=False) as publisher:
        publish(publisher, url, b"{}")
    ends.check(least=1)
    assert isinstance(caught.value.__cause__, KafkaException)
