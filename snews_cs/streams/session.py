"""One opening of a topic for reading."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import methodcaller
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from hop.io import Consumer, StartPosition

from snews_cs.errors import AccessDenied, StreamError
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions, load_credential, look_up_topic
from snews_cs.streams.failures import ALL_BROKERS_DOWN, END_OF_PARTITION, topic_missing, translate

UNDECODABLE_HEADERS = "(headers whose names are not UTF-8)"
"""Name of the one header that stands for all of a record's, if one of their names cannot be decoded."""

KafkaRecord = Any
"""A ``confluent_kafka.Message``, typed in some of its versions only."""

_headers_of = methodcaller("headers")
"""Not ``record.headers()``: with a name that is not UTF-8 it returns broken objects and an error at the same time,
which the interpreter's fast path for calls does not notice, while calls made in C do."""

_POLL = timedelta(seconds=0.1)
_PROPERTIES: dict[str, Any] = {
    "fetch.queue.backoff.ms": 10,  # the default of 1 s, with hop's short queue, drains a backlog ten times slower
    "fetch.error.backoff.ms": 100,
    "queued.max.messages.kbytes": 4_096,
    "topic.metadata.refresh.interval.ms": 10_000,  # within this a new partition is noticed
    "statistics.interval.ms": 1_000,  # how often librdkafka calls us, whether anything arrives or not
    "enable.partition.eof": True,  # an empty topic, too, shows that it may be read,
    "fetch.wait.max.ms": 100,  # and this long after the question at the latest
}

_TO_THE_END = {"fetch.wait.max.ms": 10}  # the end is known when nothing has come for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFrom:
    """What to read, and where to begin.

    Parameters
    ----------
    auth
        Whether to log in with hop's credentials.
    group_id
        The consumer group whose committed offsets are where reading begins; None for a new one, of random name.
    start
        Where to begin if the group has committed none.
    since
        Begin with the first record of this Kafka timestamp or later, whatever the group has committed.
    until_end
        End at what is the end of the topic when it is reached, instead of waiting for more.
    """

    address: TopicAddress
    auth: bool
    group_id: str | None
    start: StartPosition = StartPosition.EARLIEST
    since: datetime | None = None
    until_end: bool = False


class _Consumer(Consumer):  # type: ignore[misc]  # hop has no types
    """hop's consumer, handing out the records themselves.

    hop's own ``read_raw`` fails, and goes on failing, at a record with a header whose name is not UTF-8.
    """

    _stopping = False

    def records(self, since: datetime | None) -> Iterator[KafkaRecord | None]:
        """Yield records as they arrive, and None whenever the end of a partition is reached."""
        while not self._stopping:
            try:
                yield from self._consumer.stream(autocommit=False, batch_size=1, batch_timeout=_POLL, start_at=since)
            except KafkaException as error:
                if error.args[0].name() != END_OF_PARTITION:
                    raise
                since = None
                yield None
            else:
                return

    def stop(self) -> None:
        """End :meth:`records` soon."""
        self._stopping = True
        super().stop()

    def mark(self, record: KafkaRecord) -> None:
        """Let the committed offset move past that record when offsets are next committed."""
        self._consumer.mark_done(record)


class Session:
    """A topic opened for reading with hop, all its partitions as they are now, until something goes wrong.

    hop joins no consumer group: it assigns itself the partitions there are when it opens, and keeps the group's
    committed offsets. confluent_kafka lets one thread at a time into a consumer, and one that waits for messages keeps
    the others out for ever, so all but :meth:`mark` and :meth:`stop` belong to the thread that reads.

    Raises
    ------
    BrokerUnreachable, AccessDenied, TopicMissing, StreamError
        If it cannot be opened.
    """

    def __init__(self, source: ReadFrom, *, stopping: Callable[[], bool]) -> None:
        self._source = source
        self._problem: StreamError | None = None
        self._broken_connection = ""
        self._marks: dict[int, KafkaRecord] = {}
        self._consumer: Any = None  # a _Consumer, once it is open
        address = source.address
        credential = load_credential(address, auth=source.auth)
        properties = _PROPERTIES | {"stats_cb": self._on_statistics} | (_TO_THE_END if source.until_end else {})
        options = ClientOptions(address, credential, properties)
        login_only = ClientOptions(address, credential)
        self._partitions = look_up_topic(address, login_only, timeout_s=10.0, stopping=stopping)
        try:
            self._consumer = _Consumer(
                source.group_id or f"{options.username}-{uuid.uuid4()}",
                address.brokers.split(","),
                [address.topic],
                ignoretest=False,
                fetch_external=False,
                auth=options,
                start_at=source.start,
                read_forever=not source.until_end,
                error_callback=self._on_error,
                offset_commit_interval=timedelta(seconds=1),
                reconnect_max_time=timedelta(seconds=2),
            )
        except KafkaException as error:
            raise self._translated(error) from error
        except ValueError as error:
            raise topic_missing(address) from error

    def records(self) -> Iterator[tuple[RawMessage, KafkaRecord] | None]:
        """Yield records as they arrive, those of a partition in order, until :meth:`stop` or the end.

        None comes between them whenever the end of a partition is reached: the first thing that comes, whichever of
        the two, is the broker's word that the topic may be read. A record that arrives during :meth:`stop` may be
        passed over: afterwards only a new session goes on rightly.

        Raises
        ------
        StreamError
            What went wrong; the session is of no more use.
        """
        if self._problem is not None:
            raise self._problem
        try:
            for record in self._consumer.records(self._source.since):
                self._store_marks()
                yield None if record is None else (_raw_message(record), record)
        except KafkaException as error:
            self._problem = self._translated(error)
            raise self._problem from error
        if self._problem is not None:
            raise self._problem

    def mark(self, record: KafkaRecord) -> None:
        """Let the group's committed offset move past that record, in a second or two; any thread may call this."""
        self._marks[record.partition()] = record

    def stop(self) -> None:
        """End :meth:`records` soon; any thread may call this."""
        consumer = self._consumer
        if consumer is not None:
            consumer.stop()

    def close(self) -> None:
        """Commit what was marked, and end the connection.

        After something went wrong nothing is committed: closing would wait for a broker that is down, and commit, when
        it is back, offsets of a topic that may have been made anew meanwhile.
        """
        consumer = self._consumer
        try:
            if self._problem is None:
                self._store_marks()
                consumer.close()
        except KafkaException as error:
            raise self._translated(error) from error
        finally:
            self._consumer = self._problem = None  # breaks all circles, and so ends what was not closed

    def _store_marks(self) -> None:
        while self._marks:
            _, record = self._marks.popitem()
            self._consumer.mark(record)

    def _translated(self, error: KafkaException) -> StreamError:
        return self._meaning(error.args[0])

    def _meaning(self, error: KafkaError) -> StreamError:
        return translate(
            error, self._source.address, group_id=self._source.group_id or "", reason=self._broken_connection
        )

    def _on_error(self, error: KafkaError) -> None:
        """Hear of an error outside of any record; librdkafka mends single connections by itself."""
        problem = self._meaning(error)
        if error.fatal() or error.name() == ALL_BROKERS_DOWN or isinstance(problem, AccessDenied):
            self._problem = self._problem or problem
            self.stop()
        else:
            self._broken_connection = error.str()

    def _on_statistics(self, statistics: str) -> None:
        """Store marks, and notice that the topic was given other partitions: a new session will read them all."""
        self._store_marks()
        topic = json.loads(statistics)["topics"].get(self._source.address.topic)
        if topic is not None and not self._source.until_end:
            numbers = {int(number) for number in topic["partitions"]} - {-1}
            if numbers and numbers != self._partitions:
                self.stop()


def _raw_message(record: KafkaRecord) -> RawMessage:
    try:
        headers = tuple(_headers_of(record) or ())
    except (SystemError, UnicodeError):  # which of the two depends on the version of confluent_kafka
        headers = ((UNDECODABLE_HEADERS, None),)
    return RawMessage(
        topic=record.topic(),
        partition=record.partition(),
        offset=record.offset(),
        timestamp_ms=record.timestamp()[1],
        headers=headers,
        value=record.value(),
    )
