"""What an error of librdkafka means for the operator: one exception of ours, one line."""

import re
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from snews_cs.errors import AccessDenied, BrokerUnreachable, NotDelivered, StreamError, TopicMissing
from snews_cs.streams.address import TopicAddress

ALL_BROKERS_DOWN = "_ALL_BROKERS_DOWN"
END_OF_PARTITION = "_PARTITION_EOF"
MESSAGE_TIMED_OUT = "_MSG_TIMED_OUT"
_LOGIN = frozenset({"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED"})
_MISSING = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"})
_UNREACHABLE = frozenset(
    {ALL_BROKERS_DOWN, "_TRANSPORT", "_RESOLVE", "_SSL", "_TIMED_OUT", "NETWORK_EXCEPTION", "REQUEST_TIMED_OUT"}
)
_REFUSED = frozenset({MESSAGE_TIMED_OUT, "MSG_SIZE_TOO_LARGE", "INVALID_MSG", "NOT_ENOUGH_REPLICAS"})
_FORBIDDEN = {
    "TOPIC_AUTHORIZATION_FAILED": "topic {topic}",
    "GROUP_AUTHORIZATION_FAILED": "consumer group {group} (CONSUMER_GROUP)",
    "CLUSTER_AUTHORIZATION_FAILED": "idempotent writing (permission IdempotentWrite)",
}


def failure_of(answer: "Future[Any]") -> KafkaException | None:
    """Return what came in place of an answer, if anything did.

    It is not raised: an answer keeps its exception, which would keep all that was at work, and clients never ended.
    """
    failure = answer.exception()
    if failure is not None and not isinstance(failure, KafkaException):
        raise failure
    return failure


def translate(error: KafkaError, address: TopicAddress, *, group_id: str = "", reason: str = "") -> StreamError:
    """Return the exception that says what ``error`` means.

    Parameters
    ----------
    address, group_id
        What was being read or written when it came.
    reason
        What the last broken connection said; it tells more than "all brokers are down".
    """
    code = error.name()
    text = _readable(reason or "the connection is closed" if code == ALL_BROKERS_DOWN else error.str())
    if code in _LOGIN:
        return AccessDenied(f"{address.brokers} refuses the login: {text}")
    if code in _FORBIDDEN:
        subject = _FORBIDDEN[code].format(topic=address.topic, group=group_id)
        return AccessDenied(f"{address.brokers} does not permit the use of {subject}")
    if code in _MISSING:
        return TopicMissing(
            f"topic {address.topic} does not exist on {address.brokers}, or its user may not see it: "
            "create it, or check the topic's setting"
        )
    if code in _UNREACHABLE:
        return BrokerUnreachable(f"broker {address.brokers} does not answer: {text}")
    if code in _REFUSED:
        return NotDelivered(f"{address.brokers} did not take a message for topic {address.topic}: {text}")
    return StreamError(f"{address.brokers}, topic {address.topic}: {text} ({code})")


def _readable(text: str) -> str:
    """Leave out the name librdkafka gives the connection, and how long it was in which state."""
    return re.sub(r"^\S*/(bootstrap|\d+): | \(after \d+ms in state \w+.*\)$", "", text)
