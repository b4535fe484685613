"""Which topic it is that has this name: its partitions, and its identity.

hop waits 10 s for a broker that is not there and does not say why it failed, so a topic is looked up first with a
client of ours, which hears of a refused connection or login at once. hop does not know either that a topic was deleted
and made anew under its name; Kafka gives each an id.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent import futures
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from snews_cs.errors import AccessDenied, BrokerUnreachable, StreamError, TopicMissing
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions
from snews_cs.streams.ending import end_in_background
from snews_cs.streams.failures import ALL_BROKERS_DOWN, failure_of, translate

WATCH_S = 5.0
"""How often a topic that is being read is looked up again, s."""

_SLICE_S = 0.05
_AT_ONCE_S = 1.0
_CLOSED = "it closes the connection at once; does it need a login (HOP_AUTH, auth.toml)?"
_SILENT = "it takes the connection and says nothing"


class Topic(NamedTuple):
    """A topic as it is.

    Parameters
    ----------
    partitions
        The numbers of its partitions.
    identity
        What no other topic has, be its name the same; empty if the broker gives none.
    """

    partitions: frozenset[int]
    identity: str


_GROUP_S = 3.0


class TopicLookup:
    """A connection for looking up one topic, which it never makes. It must be closed.

    Parameters
    ----------
    address
        The topic.
    options
        How to connect.

    Raises
    ------
    StreamError
        If nobody can connect like that.
    """

    def __init__(self, address: TopicAddress, options: ClientOptions) -> None:
        self._address = address
        self._errors: deque[KafkaError] = deque(maxlen=20)
        try:
            self._admin: Any = AdminClient(options() | {"error_cb": self._errors.append})
        except KafkaException as error:
            raise translate(error.args[0], address) from error
        self._answer: Any = None
        self._ask_at = 0.0

    def wait(self, timeout_s: float, *, stopping: Callable[[], bool] = lambda: False) -> Topic:
        """Connect, log in and find the topic.

        Parameters
        ----------
        timeout_s
            How long to go on without an answer, s. A connection or login that is refused ends it at once.
        stopping
            Asked now and then; once it is true no more time is spent.

        Raises
        ------
        BrokerUnreachable, AccessDenied, TopicMissing
            What is in the way.
        """
        answer = self._ask(timeout_s + 1)
        start = time.monotonic()
        while not futures.wait([answer], _SLICE_S).done:
            self._admin.poll(0)  # lets errors be heard
            waited_s = time.monotonic() - start
            problem = self._decisive(waited_s)
            if problem is None and (waited_s > timeout_s or stopping()):
                problem = self._no_reply(timeout_s)
            if problem is not None:
                raise problem
        failure = failure_of(answer)
        if failure is not None:
            raise translate(failure.args[0], self._address) from failure
        return _topic(answer.result())

    def has_changed(self, topic: Topic) -> bool:
        """Whether it is another one by now, or gone, as far as is known; to be asked again and again, it never waits.

        The broker is asked every :data:`WATCH_S`. While it gives no answer nothing has changed.
        """
        self._admin.poll(0)
        if self._answer is None:
            if time.monotonic() >= self._ask_at:
                self._answer = self._ask(WATCH_S)
                self._ask_at = time.monotonic() + WATCH_S
            return False
        if not self._answer.done():
            return False
        answer, self._answer = self._answer, None
        failure = failure_of(answer)
        if failure is not None:
            return isinstance(translate(failure.args[0], self._address), TopicMissing)
        return _topic(answer.result()) != topic

    def refuses_group(self, group_id: str) -> bool:
        """Whether the broker says, within some seconds, that a consumer group is not for us."""
        answer = self._admin.describe_consumer_groups([group_id], request_timeout=_GROUP_S)[group_id]
        failure = failure_of(answer) if futures.wait([answer], _GROUP_S + 1).done else None
        return failure is not None and failure.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED

    def close(self) -> None:
        """End the connection."""
        clients = [self._admin]
        self._admin = self._answer = None
        end_in_background(clients)

    def _ask(self, timeout_s: float) -> Any:
        names = TopicCollection([self._address.topic])
        return self._admin.describe_topics(names, request_timeout=timeout_s)[self._address.topic]

    def _no_reply(self, timeout_s: float) -> StreamError:
        return BrokerUnreachable(f"broker {self._address.brokers} does not answer: no reply in {timeout_s:g} s")

    def _decisive(self, waited_s: float) -> StreamError | None:
        """Return what makes further waiting pointless, None if nothing does yet."""
        heard = [error.str() for error in self._errors if error.name() != ALL_BROKERS_DOWN]
        reason = heard[0] if heard else _CLOSED if waited_s < _AT_ONCE_S else _SILENT
        for error in self._errors:
            problem = translate(error, self._address, reason=reason)
            if isinstance(problem, AccessDenied) or error.name() == ALL_BROKERS_DOWN:
                return problem
        return None


def _topic(description: Any) -> Topic:
    identity = description.topic_id
    is_known = identity.get_most_significant_bits() or identity.get_least_significant_bits()
    return Topic(frozenset(each.id for each in description.partitions), str(identity) if is_known else "")
