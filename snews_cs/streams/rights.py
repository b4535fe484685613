"""What a login may do with a topic or a consumer group, as the broker says; nothing is read or written to find out."""

from contextlib import closing
from enum import StrEnum
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from snews_cs.errors import AccessDenied
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions, load_credential
from snews_cs.streams.ending import end_in_background
from snews_cs.streams.failures import failure_of, translate
from snews_cs.streams.lookup import TopicLookup

_UNSUPPORTED = "_UNSUPPORTED_FEATURE"
_FORBIDDEN = frozenset({"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"})


class Right(StrEnum):
    """What the server needs to be allowed."""

    READ = "READ"
    WRITE = "WRITE"
    DESCRIBE = "DESCRIBE"


Rights = frozenset[Right] | None
"""The rights a login has, none if it may not even ask; None if the broker does not say, as the embedded one."""


def rights_on_topic(url: str, *, auth: bool, timeout_s: float = 5.0) -> Rights:
    """Connect, log in, find the topic, and ask what may be done with it.

    Parameters
    ----------
    url
        ``kafka://HOST[:PORT]/TOPIC``.
    auth
        Whether to log in with hop's credentials.
    timeout_s
        How long to wait for each answer, s.

    Raises
    ------
    SettingsError
        If the URL is malformed.
    BrokerUnreachable, AccessDenied, TopicMissing
        What is in the way.
    """
    address = TopicAddress.parse(url)
    options = ClientOptions(address, load_credential(address, auth=auth))
    try:
        with closing(TopicLookup(address, options)) as lookup:
            lookup.wait(timeout_s)  # says more clearly than what follows what is wrong
    except AccessDenied as error:
        if _is_forbidden(error.__cause__):
            return frozenset()
        raise
    clients: list[Any] = [AdminClient(options())]
    names = TopicCollection([address.topic])
    try:
        answers = clients[0].describe_topics(names, include_authorized_operations=True, request_timeout=timeout_s)
        return _rights(answers[address.topic], address)
    finally:
        end_in_background(clients)


def rights_on_group(url: str, group_id: str, *, auth: bool, timeout_s: float = 5.0) -> Rights:
    """Ask what may be done with a consumer group on a topic's brokers, be there such a group already or not.

    Parameters
    ----------
    url, auth, timeout_s
        As for :func:`rights_on_topic`.
    group_id
        Its name.

    Raises
    ------
    SettingsError
        If the URL is malformed.
    BrokerUnreachable, AccessDenied
        What is in the way.
    """
    address = TopicAddress.parse(url)
    clients: list[Any] = [AdminClient(ClientOptions(address, load_credential(address, auth=auth))())]
    try:
        answers = clients[0].describe_consumer_groups(
            [group_id], include_authorized_operations=True, request_timeout=timeout_s
        )
        return _rights(answers[group_id], address, group_id)
    finally:
        end_in_background(clients)


def _is_forbidden(error: BaseException | None) -> bool:
    """Whether the broker has let us in, and says that this is not for us."""
    return isinstance(error, KafkaException) and error.args[0].name() in _FORBIDDEN


def _rights(answer: Any, address: TopicAddress, group_id: str = "") -> Rights:
    failure = failure_of(answer)
    if failure is not None:
        if failure.args[0].name() == _UNSUPPORTED:
            return None
        if _is_forbidden(failure):
            return frozenset()
        raise translate(failure.args[0], address, group_id=group_id) from failure
    operations = answer.result().authorized_operations
    if operations is None:
        return None
    allowed = {operation.name for operation in operations}
    return frozenset(right for right in Right if right.value in allowed)
