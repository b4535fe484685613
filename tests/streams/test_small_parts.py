"""Addresses, waiting, and what librdkafka's errors mean."""

import threading

import pytest
from confluent_kafka import KafkaError

from snews_cs.errors import AccessDenied, BrokerUnreachable, NotDelivered, SettingsError, StreamError, TopicMissing
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.failures import translate
from snews_cs.waiting import Backoff, StopRequest

ADDRESS = TopicAddress("broker:9092", "t")


def test_an_address_is_read_and_written() -> None:
    address = TopicAddress.parse("kafka://one:9092,two:9092/snews.alert-test")
    assert address == TopicAddress("one:9092,two:9092", "snews.alert-test")
    assert str(address) == "kafka://one:9092,two:9092/snews.alert-test"
    assert address.url == "kafka://one:9092/snews.alert-test"


@pytest.mark.parametrize(
    "url", ["", "kafka://", "kafka://h", "kafka://h/", "kafka:///t", "http://h/t", "kafka://u@h/t", "kafka://h/a/b"]
)
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="is not of the form"):
        TopicAddress.parse(url)


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(0.1, 1.0, clock=lambda: 0.0)
    assert [round(backoff.failure(), 3) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_only_a_success_that_lasts_makes_waits_short_again() -> None:
    now = 0.0
    backoff = Backoff(0.1, 1.0, clock=lambda: now)
    assert [backoff.failure(), backoff.failure()] == [0.1, 0.2]
    backoff.success()
    now = 0.3
    assert backoff.failure() == 0.4
    backoff.success()
    now = 1.2
    assert backoff.failure() == 0.1


def test_a_wish_to_stop_ends_every_wait() -> None:
    stop = StopRequest()
    assert not stop
    assert not stop.wait(0.0)
    outcomes: list[bool] = []
    threads = [threading.Thread(target=lambda: outcomes.append(stop.wait(3600))) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.make()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 3
    assert stop
    assert stop.wait(3600)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_AUTHENTICATION", AccessDenied),
        ("SASL_AUTHENTICATION_FAILED", AccessDenied),
        ("TOPIC_AUTHORIZATION_FAILED", AccessDenied),
        ("GROUP_AUTHORIZATION_FAILED", AccessDenied),
        ("CLUSTER_AUTHORIZATION_FAILED", AccessDenied),
        ("UNKNOWN_TOPIC_OR_PART", TopicMissing),
        ("_UNKNOWN_TOPIC", TopicMissing),
        ("_ALL_BROKERS_DOWN", BrokerUnreachable),
        ("_TRANSPORT", BrokerUnreachable),
        ("_RESOLVE", BrokerUnreachable),
        ("_TIMED_OUT", BrokerUnreachable),
        ("_MSG_TIMED_OUT", NotDelivered),
        ("MSG_SIZE_TOO_LARGE", NotDelivered),
        ("POLICY_VIOLATION", StreamError),
    ],
)
def test_each_error_has_a_meaning(name: str, kind: type[StreamError]) -> None:
    error = KafkaError(getattr(KafkaError, name), "what librdkafka says")
    problem = translate(error, ADDRESS, group_id="the-group")
    assert type(problem) is kind
    assert "broker:9092" in str(problem)


def test_a_forbidden_group_is_named() -> None:
    error = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
    assert "consumer group the-group" in str(translate(error, ADDRESS, group_id="the-group"))


@pytest.mark.parametrize("more", ["", ", 3 identical error(s) suppressed"])
def test_why_the_last_connection_broke_is_told_without_librdkafkas_names(more: str) -> None:
    error = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
    reason = f"b:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT{more})"
    assert str(translate(error, ADDRESS, reason=reason)) == (
        "broker broker:9092 does not answer: Connect to ipv4#10.0.0.1:9092 failed: Connection refused"
    )
