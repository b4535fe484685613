"""Publishing, until the broker has acknowledged it."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message
from hop import Stream
from hop.io import Producer

from snews_cs.errors import AccessDenied, BrokerUnreachable, MessageRefused, NotDelivered, StreamError, TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.alerts import json_object
from snews_cs.streams.client import ClientOptions, load_credential, look_up_topic
from snews_cs.streams.failures import ALL_BROKERS_DOWN, MESSAGE_TIMED_OUT, translate
from snews_cs.streams.publication import Publication
from snews_cs.streams.reader import Reader
from snews_cs.streams.session import ReadFrom

log = structlog.get_logger(__name__)

_MESSAGE_TIMEOUT = timedelta(seconds=1.5)
_FLUSH_TIMEOUT = timedelta(seconds=4)
_LONGEST_RECONNECT = timedelta(seconds=0.5)
_PROPERTIES = {"topic.metadata.propagation.max.ms": 1_000}  # after this a topic nobody knows of does not exist


class AlertPublisher:
    """Publishes messages through hop, each acknowledged by all in-sync replicas before a method returns.

    A failure leaves it open whether the message was taken; nothing is sent later that was reported as failed, but for
    what was on its way in that moment. After a broken connection or a refused login the next call opens another one.
    One thread uses a publisher at a time.

    Parameters
    ----------
    urls
        The topics to be written to, connected to by :meth:`warm_up`; others may be written to as well.
    auth
        Whether to log in with the credentials of hop's ``auth.toml``, which is read again for each connection.
    idempotent
        Whether the broker is to pass over what librdkafka sends it twice. A new connection then needs 0.5 s before its
        first message goes out.
    """

    def __init__(self, urls: Iterable[str], *, auth: bool, idempotent: bool = True) -> None:
        self._addresses = [TopicAddress.parse(url) for url in urls]
        self._auth = auth
        self._idempotent = idempotent
        self._connections: dict[str, _Connection] = {}

    def warm_up(self, timeout_s: float = 5.0, *, stopping: Callable[[], bool] = lambda: False) -> None:
        """Connect and look the topics up, so that the first alert need not wait for that.

        A broker that creates topics on demand does so at the first message, not here.

        Parameters
        ----------
        timeout_s
            How long to wait for each topic, s.
        stopping
            Asked now and then; once it is true no more time is spent.

        Raises
        ------
        BrokerUnreachable, AccessDenied, TopicMissing
            What is in the way; publishing may be tried all the same.
        """
        for address in self._addresses:
            options = ClientOptions(address, load_credential(address, auth=self._auth))
            look_up_topic(address, options, timeout_s=timeout_s, stopping=stopping)
            self._connection(address)

    def publish(self, url: str, key: str, payload: bytes, message_id: bytes) -> None:
        """Publish one message; see :class:`Publication` and :meth:`publish_all`."""
        self.publish_all([Publication(url=url, key=key, payload=payload, message_id=message_id)])

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Publish messages in order and wait for their acknowledgements.

        What is not acknowledged is given up after 1.5 s; as librdkafka only looks once a second, a failure takes up to
        2.5 s for each cluster.

        Raises
        ------
        BrokerUnreachable, AccessDenied, TopicMissing, NotDelivered
            Why not all were acknowledged. Some may stand: publish all of them again.
        """
        clusters: dict[str, list[tuple[TopicAddress, Publication]]] = {}
        for publication in publications:
            address = TopicAddress.parse(publication.url)
            clusters.setdefault(address.brokers, []).append((address, publication))
        for brokers, addressed in clusters.items():
            connection = self._connection(addressed[0][0])
            try:
                connection.send(addressed)
            finally:
                if connection.useless:
                    del self._connections[brokers]

    def tail(
        self, topic: str, limit: int, *, since: datetime | None = None, timeout_s: float = 5.0
    ) -> list[dict[str, Any]]:
        """Return those of the last ``limit`` records of a topic that are JSON objects.

        Parameters
        ----------
        topic
            ``kafka://HOST[:PORT]/TOPIC``.
        since
            Leave out what has an earlier Kafka timestamp; None to leave out nothing.
        timeout_s
            How long to read; what comes later on the topic is left out then, and the log says so.

        Raises
        ------
        BrokerUnreachable, AccessDenied
            If the topic cannot be opened; nothing stands on one that does not exist.
        """
        source = ReadFrom(
            address=TopicAddress.parse(topic), auth=self._auth, group_id=None, since=since, until_end=True
        )
        deadline = time.monotonic() + timeout_s
        records: deque[RawMessage] = deque(maxlen=limit)
        reader = Reader(source)
        try:
            while not reader.exhausted:
                left_s = deadline - time.monotonic()
                if isinstance(reader.problem, TopicMissing):
                    break
                if reader.problem is not None:
                    raise reader.problem
                if left_s <= 0 and not reader.is_open:
                    raise BrokerUnreachable(f"broker {source.address.brokers} does not answer in {timeout_s:g} s")
                if left_s <= 0:
                    log.warning("the end of a topic was not reached in time", topic=topic)
                    break
                records.extend(arrival.record for arrival in reader.take(min(left_s, 0.1), 1000))
        finally:
            reader.close()
        objects = []
        for record in records:
            with suppress(MessageRefused):  # whatever else stands on the topic is no alert
                objects.append(json_object(record))
        return objects

    def close(self) -> None:
        """End the connections."""
        self._connections.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self, address: TopicAddress) -> "_Connection":
        connection = self._connections.get(address.brokers)
        if connection is None:
            connection = self._connections[address.brokers] = _Connection(
                address, auth=self._auth, idempotent=self._idempotent
            )
        return connection


class _Connection:
    """A hop producer for the topics of one cluster; it ends when it is forgotten, and what it had queued with it."""

    def __init__(self, address: TopicAddress, *, auth: bool, idempotent: bool) -> None:
        credential = load_credential(address, auth=auth)
        self._sender = [] if credential is None else [("_sender", credential.username.encode())]
        self.useless = False
        """Whether another connection must be opened, with the credentials as they are then."""
        self._errors: deque[KafkaError] = deque(maxlen=20)
        try:
            self._producer: Producer = Stream(auth=ClientOptions(address, credential, _PROPERTIES)).open(
                address.url,
                "w",
                produce_timeout=_MESSAGE_TIMEOUT,
                automatic_offload=False,  # else hop asks the broker for a topic's settings, and waits up to 60 s
                use_idempotence=idempotent,
                reconnect_max_time=_LONGEST_RECONNECT,
                error_callback=self._errors.append,
            )
        except RuntimeError as error:
            raise StreamError(f"hop's own settings cannot be used: {error}") from error

    def send(self, addressed: Sequence[tuple[TopicAddress, Publication]]) -> None:
        """Write, and wait for the acknowledgements."""
        self._errors.clear()
        failed: list[tuple[TopicAddress, KafkaError]] = []
        for address, publication in addressed:

            def report(error: KafkaError | None, _: Message, address: TopicAddress = address) -> None:
                if error is not None:
                    failed.append((address, error))

            try:
                self._producer.write_raw(
                    publication.payload,
                    [("_id", publication.message_id), ("_format", publication.format.encode()), *self._sender],
                    delivery_callback=report,
                    topic=address.topic,
                    key=publication.key,
                )
            except KafkaException as error:
                raise self._problem(address, error.args[0]) from error
        if self._producer.flush(_FLUSH_TIMEOUT):
            self.useless = True  # and what it still holds goes with it
            raise self._problem(addressed[0][0], None)
        if failed:
            raise self._problem(*failed[0])

    def _problem(self, address: TopicAddress, error: KafkaError | None) -> StreamError:
        """Return why a message was not acknowledged: what the connection said tells more than a message's time-out."""
        heard = list(self._errors)
        if heard and (error is None or error.name() == MESSAGE_TIMED_OUT):
            reason = next((each.str() for each in heard if each.name() != ALL_BROKERS_DOWN), "")
            problems = [translate(each, address, reason=reason) for each in heard]
            # of a refused login, too, librdkafka says in the end that all brokers are down
            problem = next((each for each in problems if isinstance(each, AccessDenied)), problems[-1])
        elif error is not None:
            heard.append(error)
            problem = translate(error, address)
        else:
            problem = NotDelivered(f"{address.brokers} does not acknowledge messages for topic {address.topic}")
        # A broken connection is mended faster by opening another; one that is merely slow must not be begun anew.
        self.useless |= isinstance(problem, AccessDenied | BrokerUnreachable) or any(each.fatal() for each in heard)
        return problem
