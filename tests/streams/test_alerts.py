"""Alerts are read back."""

import threading
import time

from structlog.testing import capture_logs

from snews_cs.streams.alerts import AlertStream, ReceivedAlert
from tests.streams.conftest import produce, wait_for
from tests.support.broker import Broker

HOUR_S = 3600.0


def read(stream: AlertStream, count: int) -> list[ReceivedAlert]:
    alerts: list[ReceivedAlert] = []
    while len(alerts) < count:
        alerts += stream.batch(1.0, count - len(alerts))
    return alerts


def test_objects_come_with_the_times_of_publishing_and_arrival(broker: Broker, topic: str) -> None:
    before_ns = time.time_ns()
    produce(broker.plain_address, topic, b'{"alert_type": "INITIAL"}')
    with AlertStream(broker.url(topic), auth=False, from_beginning=True) as stream:
        [alert] = stream.batch(HOUR_S)
    assert alert.content == {"alert_type": "INITIAL"}
    assert before_ns // 10**6 <= alert.published_unix_ms <= alert.arrived_unix_ns // 10**6 <= time.time_ns() // 10**6


def test_what_is_no_object_is_logged_and_passed_over(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, b"not JSON", None, b"[]", b"[" * 100_000, b'{"number": 1}')
    with capture_logs() as lines, AlertStream(broker.url(topic), auth=False, from_beginning=True) as stream:
        assert [alert.content for alert in read(stream, 1)] == [{"number": 1}]
    assert [line["offset"] for line in lines if "passed over" in line["event"]] == [0, 1, 2, 3]


def test_without_a_position_only_news_are_read(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, b'{"old": true}')
    with AlertStream(broker.url(topic), auth=False) as stream:
        wait_for(lambda: stream.is_open)
        news: list[ReceivedAlert] = []
        while not news:  # the position "end" settles a little after the opening
            produce(broker.plain_address, topic, b'{"new": true}')
            news = stream.batch(0.2)
    assert all(alert.content == {"new": True} for alert in news)


def test_a_group_goes_on_behind_what_it_marked(broker: Broker, topic: str) -> None:
    produce(broker.plain_address, topic, *(b'{"number": %d}' % number for number in range(4)))
    for expected in ([0, 1], [2]):
        with AlertStream(broker.url(topic), auth=False, group_id="bot", from_beginning=True) as stream:
            assert [alert.content["number"] for alert in read(stream, len(expected))] == expected
            stream.mark_done()
    for _ in range(2):
        with AlertStream(broker.url(topic), auth=False, group_id="bot", from_beginning=True) as stream:
            assert [alert.content["number"] for alert in read(stream, 1)] == [3]  # and is not marked


def test_a_request_to_stop_ends_the_wait(broker: Broker, topic: str) -> None:
    with AlertStream(broker.url(topic), auth=False) as stream:
        threading.Timer(0.2, stream.request_stop).start()
        assert stream.batch(HOUR_S) == []
        assert stream.batch(HOUR_S) == []
