"""Publishing, until the broker has acknowledged it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message
from hop import Stream
from hop.io import Producer

from snews_cs.errors import AccessDenied, BrokerUnreachable, NotDelivered, StreamError
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions, load_credential
from snews_cs.streams.ending import end_in_background
from snews_cs.streams.failures import ALL_BROKERS_DOWN, MESSAGE_TIMED_OUT, translate
from snews_cs.streams.lookup import TopicLookup
from snews_cs.streams.publication import Publication
from snews_cs.streams.statistics import INTERVAL_MS, OnStatistics, statistics_callback
from snews_cs.streams.tail import read_tail

_FATAL = "_FATAL"  # what is said of a client that is past help, by errors that do not know that they are fatal
_MESSAGE_TIMEOUT = timedelta(seconds=1.5)
_FLUSH_TIMEOUT = timedelta(seconds=4)
_LONGEST_RECONNECT = timedelta(seconds=0.5)
_PROPERTIES: dict[str, Any] = {
    "topic.metadata.propagation.max.ms": 1_000
}  # after this a topic nobody knows of does not exist


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
    on_statistics
        Hears of librdkafka's statistics, one client for each cluster that is written to.
    stopping
        Asked now and then while there is waiting to be done; once it is true, only what is being published is waited
        for.
    """

    def __init__(
        self,
        urls: Iterable[str],
        *,
        auth: bool,
        idempotent: bool = True,
        on_statistics: OnStatistics | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._addresses = [TopicAddress.parse(url) for url in urls]
        self._auth = auth
        self._idempotent = idempotent
        self._on_statistics = on_statistics
        self._stopping = stopping
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
            with closing(TopicLookup(address, options)) as lookup:
                lookup.wait(timeout_s, stopping=stopping)
            self._connection(address)

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
                    self._connections.pop(brokers).end()

    def tail(self, topic: str, limit: int, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return those of the last ``limit`` records of a topic that are JSON objects; see :func:`read_tail`."""
        return read_tail(topic, limit, auth=self._auth, since=since, stopping=self._stopping)

    def close(self) -> None:
        """End the connections."""
        for connection in self._connections.values():
            connection.end()
        self._connections.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connection(self, address: TopicAddress) -> "_Connection":
        connection = self._connections.get(address.brokers)
        if connection is not None and connection.useless:
            self._connections.pop(address.brokers).end()
            connection = None
        if connection is None:
            connection = self._connections[address.brokers] = _Connection(
                address, auth=self._auth, idempotent=self._idempotent, on_statistics=self._on_statistics
            )
        return connection


class _Connection:
    """A hop producer for the topics of one cluster; when it ends, what it had queued ends with it.

    librdkafka keeps what it has to say until it is listened to, which :meth:`_listen` does while nothing is published.
    """

    def __init__(
        self, address: TopicAddress, *, auth: bool, idempotent: bool, on_statistics: OnStatistics | None
    ) -> None:
        credential = load_credential(address, auth=auth)
        self._sender = [] if credential is None else [("_sender", credential.username.encode())]
        self.useless = False
        """Whether another connection must be opened, with the credentials as they are then."""
        self._errors: deque[KafkaError] = deque(maxlen=20)
        properties = dict(_PROPERTIES)
        if on_statistics is not None:
            properties |= {"stats_cb": statistics_callback(on_statistics), "statistics.interval.ms": INTERVAL_MS}
        try:
            self._producer: Producer = Stream(auth=ClientOptions(address, credential, properties)).open(
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
        except KafkaException as error:
            raise translate(error.args[0], address) from error.with_traceback(None)
        self._in_use = threading.Lock()
        self._ended = threading.Event()
        self._listener = threading.Thread(target=self._listen, name=f"listens to {address.brokers}", daemon=True)
        self._listener.start()

    def end(self) -> None:
        """Drop what is queued, and the connection."""
        self._ended.set()
        self._listener.join()
        clients = [self._producer]
        del self._producer
        end_in_background(clients)

    def _listen(self) -> None:
        while not self._ended.wait(INTERVAL_MS / 1000):
            with self._in_use:
                if self._fatal_error_of_flush(timedelta(0)) is not None:
                    return

    def send(self, addressed: Sequence[tuple[TopicAddress, Publication]]) -> None:
        """Write, and wait for the acknowledgements."""
        with self._in_use:
            self._send(addressed)

    def _send(self, addressed: Sequence[tuple[TopicAddress, Publication]]) -> None:
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
                error.with_traceback(None)  # which refers to the producer
                raise self._problem(address, error.args[0]) from error
        fatal = self._fatal_error_of_flush(_FLUSH_TIMEOUT)
        if fatal is not None:
            raise translate(fatal, addressed[0][0])
        if self.useless:
            raise self._problem(addressed[0][0], None)
        if failed:
            raise self._problem(*failed[0])

    def _fatal_error_of_flush(self, timeout: timedelta) -> KafkaError | None:
        """Wait for acknowledgements, and return why this producer can never publish again, if so.

        librdkafka tells nobody of such an error: it is raised by who waits, if need be in the middle of a callback.
        """
        try:
            left = self._producer.flush(timeout)
        except (KafkaException, SystemError) as error:
            self.useless = True
            cause = error if isinstance(error, KafkaException) else error.__cause__
            return cause.args[0] if isinstance(cause, KafkaException) else KafkaError(KafkaError._FATAL)  # noqa: SLF001
        if timeout and left:
            self.useless = True  # and what it still holds goes with it
        return None

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
        self.useless |= isinstance(problem, AccessDenied | BrokerUnreachable) or any(map(_is_fatal, heard))
        return problem


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.name() == _FATAL
