"""What is on the observation topic arrives, and what was marked does not come again."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from snews_cs.errors import StreamError
from snews_cs.messages.raw import RawMessage
from snews_cs.streams import lookup, session
from snews_cs.streams.consumer import UNDECODABLE_HEADERS
from snews_cs.streams.lookup import Topic, TopicLookup
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.statistics import Statistics
from tests.streams.conftest import produce, wait_for
from tests.streams.record_batch import produce_headers
from tests.support.broker import Broker, make_topic

HOUR_S = 3600.0


def read(stream: ObservationStream, count: int, limit: int = 500) -> list[RawMessage]:
    """Read that many messages; the test times out if they do not come."""
    messages: list[RawMessage] = []
    while len(messages) < count:
        messages += stream.batch(1.0, limit)
    return messages


def open_stream(broker: Broker, topic: str, on_open: Callable[[], None] = lambda: None) -> ObservationStream:
    return ObservationStream(broker.url(topic), group_id=f"group of {topic}", auth=False, on_open=on_open)


def test_a_message_arrives_with_all_that_the_broker_knows_of_it(broker: Broker, topic: str) -> None:
    with open_stream(broker, topic) as stream:
        produce(broker.plain_address, topic, b'{"detector_name": "LZ"}', _id=bytes(range(16)), _format=b"blob")
        [message] = stream.batch(HOUR_S, 10)
    assert (message.topic, message.partition, message.offset) == (topic, 0, 0)
    assert message.value == b'{"detector_name": "LZ"}'
    assert message.header("_id") == bytes(range(16))
    assert message.header("_format") == b"blob"
    assert message.timestamp_ms > 1_600_000_000_000


@pytest.mark.parametrize("value", [None, b"", b"x" * 1_000_000, bytes(range(256))], ids=["none", "empty", "1MB", "any"])
def test_any_value_arrives(broker: Broker, topic: str, value: bytes | None) -> None:
    produce(broker.plain_address, topic, value)
    with open_stream(broker, topic) as stream:
        assert [message.value for message in read(stream, 1)] == [value]


def test_messages_of_tests_arrive(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, b"{}", _test=b"true")
    with open_stream(broker, topic) as stream:
        [message] = read(stream, 1)
    assert message.header("_test") == b"true"


def test_a_header_name_that_is_not_utf8_stops_nothing(broker: Broker, topic: str) -> None:
    produce_headers(broker.plain_address, topic, b"before", [(b"good", b"1")])
    produce_headers(broker.plain_address, topic, b"broken", [(b"good", b"1"), (b"\xff\xfe", b"2")])
    produce_headers(broker.plain_address, topic, b"behind", [])
    with open_stream(broker, topic) as stream:
        messages = read(stream, 3)
    assert [message.value for message in messages] == [b"before", b"broken", b"behind"]
    assert [message.headers for message in messages] == [
        (("good", b"1"),),
        ((UNDECODABLE_HEADERS, None),),
        (),
    ]


def test_a_backlog_comes_in_groups_and_in_order(broker: Broker, topic: str) -> None:
    values = [b"%d" % number for number in range(5000)]
    produce(broker.plain_address, topic, *values)
    with open_stream(broker, topic) as stream:
        wait_for(lambda: stream.is_open)
        groups: list[list[RawMessage]] = []
        while sum(len(group) for group in groups) < len(values):
            groups.append(stream.batch(1.0, 200))
            stream.mark_done(groups[-1])
    assert [message.value for group in groups for message in group] == values
    assert max(len(group) for group in groups) <= 200


def test_all_partitions_are_read_and_marked(broker: Broker) -> None:
    topic = make_topic(broker, partitions=3)
    for partition in range(3):
        produce(broker.plain_address, topic, b"a", b"b", partition=partition)
    with open_stream(broker, topic) as stream:
        messages = read(stream, 6)
        stream.mark_done([message for message in messages if message.partition < 2])
    for partition in range(3):
        assert [message.value for message in messages if message.partition == partition] == [b"a", b"b"]
    with open_stream(broker, topic) as stream:
        assert [(message.partition, message.value) for message in read(stream, 2)] == [(2, b"a"), (2, b"b")]


def test_the_committed_offset_follows_the_marks_and_is_never_ahead_of_them(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, *(b"%d" % number for number in range(5)))
    with open_stream(broker, topic) as stream:
        first = read(stream, 5)
    with open_stream(broker, topic) as stream:
        again = read(stream, 5)  # nothing was marked
        stream.mark_done(again[:3])
    with open_stream(broker, topic) as stream:
        rest = read(stream, 2)
        stream.mark_done(rest)
    produce(broker.plain_address, topic, b"new")
    with open_stream(broker, topic) as stream:
        [last] = read(stream, 1)
    assert again == first
    assert rest == first[3:]
    assert last.value == b"new"


def test_marks_are_committed_while_nothing_arrives(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, b"first")
    with open_stream(broker, topic) as stream:
        stream.mark_done(read(stream, 1))

        def committed() -> bool:
            with open_stream(broker, topic) as other:
                wait_for(lambda: other.is_open)
                return other.batch(0.5, 1) == []

        wait_for(committed)


def test_a_request_to_stop_ends_the_wait_for_messages(broker: Broker, topic: str) -> None:
    with open_stream(broker, topic) as stream:
        threading.Timer(0.2, stream.request_stop).start()
        assert stream.batch(HOUR_S, 10) == []
        assert stream.batch(HOUR_S, 10) == []


def test_a_signal_handler_may_request_the_stop(broker: Broker, topic: str) -> None:
    with open_stream(broker, topic) as stream:
        before = signal.signal(signal.SIGUSR1, lambda *_: stream.request_stop())
        try:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            assert stream.batch(HOUR_S, 10) == []
        finally:
            signal.signal(signal.SIGUSR1, before)


def test_what_is_marked_after_the_request_to_stop_is_committed(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, b"in hand", b"not taken")
    with open_stream(broker, topic) as stream:
        messages = read(stream, 1, limit=1)
        stream.request_stop()
        stream.mark_done(messages)
    with open_stream(broker, topic) as stream:
        assert [message.value for message in read(stream, 1)] == [b"not taken"]


def test_partitions_that_are_added_are_read(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = make_topic(broker, partitions=2)
    opened: list[None] = []
    monkeypatch.setattr(lookup, "WATCH_S", 0.1)
    look_up, seen = TopicLookup.wait, iter([frozenset({0})])  # as if there had been but one at the first opening

    def wait(self: TopicLookup, *args: Any, **options: Any) -> Topic:
        found = look_up(self, *args, **options)
        return Topic(next(seen, found.partitions), found.identity)

    monkeypatch.setattr(TopicLookup, "wait", wait)
    with open_stream(broker, topic, on_open=lambda: opened.append(None)) as stream:
        wait_for(lambda: len(opened) == 2)
        produce(broker.plain_address, topic, b"in the new one", partition=1)
        assert [message.value for message in read(stream, 1)] == [b"in the new one"]


def test_an_error_nobody_foresaw_is_raised_where_messages_are_taken(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_record: object) -> RawMessage:
        raise LookupError("unforeseen")

    monkeypatch.setattr(session, "raw_message", fail)
    produce(broker.plain_address, topic, b"any")
    with open_stream(broker, topic) as stream:
        with pytest.raises(StreamError, match="ended unexpectedly") as caught:
            read(stream, 1)
        assert isinstance(caught.value.__cause__, LookupError)


def test_statistics_tell_how_far_the_reader_is(broker: Broker, topic: str) -> None:
    partitions: list[dict[str, Any]] = []

    def listen(statistics: Statistics) -> None:
        partitions.append(statistics["topics"][topic]["partitions"]["0"])

    produce(broker.plain_address, topic, b"1", b"2", b"3")
    with ObservationStream(broker.url(topic), group_id="g", auth=False, on_statistics=listen) as stream:
        stream.mark_done(read(stream, 3)[:2])
        wait_for(lambda: partitions and partitions[-1]["committed_offset"] == 2)
    assert partitions[-1]["hi_offset"] == partitions[-1]["app_offset"] == 3
    assert partitions[-1]["consumer_lag"] == 1
