"""hop's consumer, and the records it reads."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import methodcaller
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_STORED, KafkaException, TopicPartition
from hop.io import Consumer

from snews_cs.messages.raw import RawMessage
from snews_cs.streams.failures import END_OF_PARTITION
from snews_cs.streams.lookup import Topic

UNDECODABLE_HEADERS = "(headers whose names are not UTF-8)"
"""Name of the one header that stands for all of a record's, if one of their names cannot be decoded."""

KafkaRecord = Any
"""A ``confluent_kafka.Message``, typed in some of its versions only."""

_headers_of = methodcaller("headers")
"""Not ``record.headers()``: with a name that is not UTF-8 it returns broken objects and an error at the same time,
which the interpreter's fast path for calls does not notice, while calls made in C do."""

_POLL = timedelta(seconds=0.1)


class RecordConsumer(Consumer):  # type: ignore[misc]  # hop has no types
    """hop's consumer, handing out the records themselves; it asks the broker for nothing before :meth:`begin`.

    hop's own ``read_raw`` fails, and goes on failing, at a record with a header whose name is not UTF-8. With each
    position that it commits it keeps the topic's identity, so that a position in a topic that is gone is known.
    """

    _stopping = False

    def begin(self, name: str, topic: Topic, timeout_s: float, *, since: datetime | None, from_committed: bool) -> None:
        """Begin to read all partitions of a topic.

        Parameters
        ----------
        timeout_s
            How long the broker may take to say where, s.
        since
            Begin with the first record of this Kafka timestamp or later.
        from_committed
            If ``since`` is None: begin behind the positions that the group has committed, but at the start where one is
            in another topic of that name. What is left begins at ``start_at``.

        Raises
        ------
        KafkaException
            If the positions could not be learned.
        """
        positions = [TopicPartition(name, number) for number in topic.partitions]
        if since is not None:
            for position in positions:
                position.offset = int(since.timestamp() * 1000)
            positions = self._client.offsets_for_times(positions, timeout=timeout_s)
        elif from_committed:
            self._client.list_topics(name, timeout=timeout_s)  # unconnected, it asks for positions a second later only
            positions = self._client.committed(positions, timeout=timeout_s)
            for position in positions:
                is_of_another = topic.identity and position.metadata and position.metadata != topic.identity
                position.offset = OFFSET_BEGINNING if is_of_another else OFFSET_STORED
        for position in positions:
            if position.error is not None:
                raise KafkaException(position.error)
        self._client.assign(positions)

    def records(self) -> Iterator[KafkaRecord | None]:
        """Yield records as they arrive, and None whenever the end of a partition is reached."""
        while not self._stopping:
            try:
                yield from self._consumer.stream(autocommit=False, batch_size=1, batch_timeout=_POLL)
            except KafkaException as error:
                if error.args[0].name() != END_OF_PARTITION:
                    raise
            else:
                return
            yield None  # not while the error is at hand: its traceback holds the consumer

    def stop(self) -> None:
        """End :meth:`records` soon."""
        self._stopping = True
        super().stop()

    def mark(self, name: str, topic: Topic, partition: int, offset: int) -> None:
        """Let the committed position move past that record when positions are next committed."""
        position = TopicPartition(name, partition, offset + 1, topic.identity)
        self._client.store_offsets(offsets=[position])

    @property
    def _client(self) -> Any:
        """confluent_kafka's consumer: hop and adc know nothing of what a position carries."""
        return self._consumer._consumer  # noqa: SLF001


def raw_message(record: KafkaRecord) -> RawMessage:
    """Return what arrived, as the rest of us knows it."""
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
