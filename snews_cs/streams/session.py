"""One opening of a topic for reading."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException
from hop.io import StartPosition

from snews_cs.errors import AccessDenied, BrokerUnreachable, StreamError, TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.client import ClientOptions, load_credential
from snews_cs.streams.consumer import RecordConsumer, raw_message
from snews_cs.streams.ending import end_in_background
from snews_cs.streams.failures import ALL_BROKERS_DOWN, translate
from snews_cs.streams.lookup import TopicLookup
from snews_cs.streams.statistics import INTERVAL_MS, OnStatistics, Statistics, statistics_callback

log = structlog.get_logger(__name__)

_PROPERTIES: dict[str, Any] = {
    "fetch.queue.backoff.ms": 10,  # the default of 1 s, with hop's short queue, drains a backlog ten times slower
    "fetch.error.backoff.ms": 100,
    "queued.max.messages.kbytes": 4_096,
    "topic.metadata.refresh.interval.ms": 10_000,
    "topic.metadata.propagation.max.ms": 0,  # else a topic that is gone is believed in for half a minute
    "statistics.interval.ms": INTERVAL_MS,  # librdkafka calls us, whether anything arrives or not
    "enable.partition.eof": True,  # an empty topic, too, shows that it may be read,
    "fetch.wait.max.ms": 100,  # and this long after the question at the latest
}

_TO_THE_END = {"fetch.wait.max.ms": 10}  # the end is known when nothing has come for so long
_LOOKUP_S = 6.0  # of a cluster, one node may be asked that is no more: the next attempt asks another
_POSITIONS_S = 10.0
_CLOSE_S = 1.5


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
    on_statistics
        Hears of librdkafka's statistics.
    """

    address: TopicAddress
    auth: bool
    group_id: str | None
    start: StartPosition = StartPosition.EARLIEST
    since: datetime | None = None
    until_end: bool = False
    on_statistics: OnStatistics | None = None


class Session:
    """A topic opened for reading with hop, all its partitions as they are now, until something goes wrong or changes.

    That it was deleted is noticed at once; that it is another one, made anew under its name in a moment when the
    broker could not be asked, or has more partitions, within :data:`~snews_cs.streams.lookup.WATCH_S`.

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
        self._marks: dict[int, int] = {}
        self._consumer: Any = None  # a RecordConsumer, once it is open
        address = source.address
        credential = load_credential(address, auth=source.auth)
        self._lookup: TopicLookup | None = TopicLookup(address, ClientOptions(address, credential))
        try:
            self._topic = self._lookup.wait(_LOOKUP_S, stopping=stopping)
        except StreamError:
            self._lookup.close()
            raise
        properties = _PROPERTIES | {"stats_cb": statistics_callback(self._on_statistics)}
        options = ClientOptions(address, credential, properties | (_TO_THE_END if source.until_end else {}))
        try:
            self._consumer = RecordConsumer(
                source.group_id or f"{options.username}-{uuid.uuid4()}",
                address.brokers.split(","),
                [],
                ignoretest=False,
                fetch_external=False,
                auth=options,
                start_at=source.start,
                read_forever=not source.until_end,
                error_callback=self._on_error,
                offset_commit_interval=timedelta(seconds=1),
                reconnect_max_time=timedelta(seconds=2),
            )
            self._consumer.begin(
                address.topic,
                self._topic,
                _POSITIONS_S,
                since=source.since,
                from_committed=source.group_id is not None,
            )
        except KafkaException as error:
            error.with_traceback(None)  # which refers to the consumer
            problem = self._problem or self._translated(error)
            if (
                isinstance(problem, BrokerUnreachable)
                and source.group_id
                and self._lookup.refuses_group(source.group_id)
            ):
                # of a group that is not for us librdkafka only says that asking for its positions took too long
                problem = self._translated(KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)))
            self._end(close=False)
            raise problem from error

    def records(self) -> Iterator[RawMessage | None]:
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
            for record in self._consumer.records():
                self._store_marks()
                yield None if record is None else raw_message(record)
        except KafkaException as error:
            self._problem = self._translated(error)
            raise self._problem from error.with_traceback(None)  # which refers to the consumer
        if self._problem is not None:
            raise self._problem

    def mark(self, partition: int, offset: int) -> None:
        """Let the committed offset move past that record, in a second or two; any thread may call this.

        It has no effect once the session has ended.
        """
        self._marks[partition] = offset

    def stop(self) -> None:
        """End :meth:`records` soon; any thread may call this."""
        consumer = self._consumer
        if consumer is not None:
            consumer.stop()

    def close(self) -> None:
        """Commit what was marked, and end the connection; what takes longer than 1.5 s is left to itself.

        After something went wrong nothing is committed: closing would wait for a broker that is down, and commit, when
        it is back, offsets of a topic that may have been made anew meanwhile.
        """
        is_well = self._problem is None
        if is_well:
            try:
                self._store_marks()
            except KafkaException as error:
                log.warning("what was marked as read could not be stored", error=str(error))
        closed = self._end(close=is_well)
        if is_well:
            closed.wait(_CLOSE_S)

    def _end(self, *, close: bool) -> threading.Event:
        clients = [self._consumer]
        self._consumer = self._problem = None
        if self._lookup is not None:
            self._lookup.close()
            self._lookup = None
        return end_in_background(clients, close=close)

    def _store_marks(self) -> None:
        consumer = self._consumer
        while self._marks and consumer is not None:  # it may be ending
            partition, offset = self._marks.popitem()
            consumer.mark(self._source.address.topic, self._topic, partition, offset)

    def _translated(self, error: KafkaException) -> StreamError:
        return self._meaning(error.args[0])

    def _meaning(self, error: KafkaError) -> StreamError:
        return translate(
            error, self._source.address, group_id=self._source.group_id or "", reason=self._broken_connection
        )

    def _on_error(self, error: KafkaError) -> None:
        """Hear of an error outside of any record; librdkafka mends single connections by itself."""
        problem = self._meaning(error)
        if error.fatal() or error.name() == ALL_BROKERS_DOWN or isinstance(problem, AccessDenied | TopicMissing):
            self._problem = self._problem or problem
            self.stop()
        else:
            self._broken_connection = error.str()

    def _on_statistics(self, statistics: Statistics) -> None:
        """Store marks, and see whether the topic is another one by now; then a new session reads that."""
        self._store_marks()
        if self._lookup is not None and not self._source.until_end and self._lookup.has_changed(self._topic):
            self.stop()
        if self._source.on_statistics is not None:
            self._source.on_statistics(statistics)
