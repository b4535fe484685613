"""What detectors publish, as it arrives."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.reader import Reader
from snews_cs.streams.session import ReadFrom, Session
from snews_cs.streams.statistics import OnStatistics
from snews_cs.streams.stream import TopicStream


class ObservationStream(TopicStream):
    """Reads the observation topic, all its partitions, from where the consumer group last stood, else from its start.

    Every record comes at least once, those of a partition in order; tests' (``_test``), empty and broken ones too.
    After each opening of the topic those come again that were not yet committed, so a reader must know them. The
    committed offset is never ahead of :meth:`mark_done`. The topic is opened again for ever when reading fails, and
    when it was given more partitions. One made anew under its name is read from its start.

    Parameters
    ----------
    url
        ``kafka://HOST[:PORT]/TOPIC``.
    group_id
        The consumer group under which the position is kept.
    auth
        Whether to log in with the credentials of hop's ``auth.toml``.
    on_open
        Called, in another thread, each time the topic has been opened: from then on nothing published is missed.
    on_statistics
        Hears of librdkafka's statistics, among them the consumer lag.

    Raises
    ------
    SettingsError
        If the URL is malformed.
    """

    def __init__(
        self,
        url: str,
        *,
        group_id: str,
        auth: bool,
        on_open: Callable[[], None] = lambda: None,
        on_statistics: OnStatistics | None = None,
    ) -> None:
        source = ReadFrom(address=TopicAddress.parse(url), auth=auth, group_id=group_id, on_statistics=on_statistics)
        super().__init__(Reader(source, on_open=on_open))
        self._session: Session | None = None
        self._unmarked: defaultdict[int, deque[int]] = defaultdict(deque)  # offsets, by partition

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Wait for a message, at most that long, and return it with those that have arrived behind it already.

        A lone message is never delayed, and a backlog comes in groups of at most ``limit``. After
        :meth:`request_stop` the list is empty.

        Raises
        ------
        StreamError
            If reading ended by an error that trying again cannot mend.
        """
        arrivals = self._take(timeout_s, limit)
        for arrival in arrivals:
            if arrival.session is not self._session:  # marks of an earlier opening have no effect
                self._session = arrival.session
                self._unmarked.clear()
            self._unmarked[arrival.record.partition].append(arrival.record.offset)
        return [arrival.record for arrival in arrivals]

    def mark_done(self, messages: Iterable[RawMessage]) -> None:
        """Note that these, and those before them, need never come again; committed within a second or on closing.

        The commit may be lost, for instance when the topic is just then opened again: then they do come again.
        """
        for partition, offset in {message.partition: message.offset for message in messages}.items():
            unmarked = self._unmarked[partition]
            last = None
            while unmarked and unmarked[0] <= offset:
                last = unmarked.popleft()
            if last is not None and self._session is not None:
                self._session.mark(partition, last)
