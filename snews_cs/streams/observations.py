"""What detectors publish, as it arrives."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from hop.io import StartPosition

from snews_cs.errors import StreamError
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.reader import Arrival, Reader
from snews_cs.streams.session import ReadFrom, Session


class ObservationStream:
    """Reads the observation topic, all its partitions, from where the consumer group last stood, else from its start.

    Every record comes at least once, those of a partition in order; tests' (``_test``), empty and broken ones too.
    After each opening of the topic those come again that were not yet committed, so a reader must know them. The
    committed offset is never ahead of :meth:`mark_done`. The topic is opened again for ever when reading fails, and
    when it was given more partitions.

    One thread uses a stream; :meth:`request_stop` may come from anywhere.

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

    Raises
    ------
    SettingsError
        If the URL is malformed.
    """

    def __init__(self, url: str, *, group_id: str, auth: bool, on_open: Callable[[], None] = lambda: None) -> None:
        source = ReadFrom(address=TopicAddress.parse(url), auth=auth, group_id=group_id, start=StartPosition.EARLIEST)
        self._reader = Reader(source, on_open=on_open)
        self._stop_requested = False
        self._session: Session | None = None
        self._unmarked: defaultdict[int, deque[Arrival]] = defaultdict(deque)

    @property
    def problem(self) -> StreamError | None:
        """What keeps the topic from being read at present, None if nothing does."""
        return self._reader.problem

    @property
    def is_open(self) -> bool:
        """Whether the topic is open at present."""
        return self._reader.is_open

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Wait for a message, at most that long, and return it with those that have arrived behind it already.

        A lone message is never delayed, and a backlog comes in groups of at most ``limit``. After
        :meth:`request_stop` the list is empty.

        Raises
        ------
        StreamError
            If reading ended by an error that trying again cannot mend.
        """
        if self._stop_requested:
            return []
        arrivals = self._reader.take(timeout_s, limit)
        for arrival in arrivals:
            if arrival.session is not self._session:  # marks of an earlier opening have no effect
                self._session = arrival.session
                self._unmarked.clear()
            self._unmarked[arrival.record.partition].append(arrival)
        return [arrival.record for arrival in arrivals]

    def mark_done(self, messages: Iterable[RawMessage]) -> None:
        """Note that these, and those before them, need never come again; committed within a second or on closing.

        The commit may be lost, for instance when the topic is just then opened again: then they do come again.
        """
        for partition, offset in {message.partition: message.offset for message in messages}.items():
            unmarked = self._unmarked[partition]
            last = None
            while unmarked and unmarked[0].record.offset <= offset:
                last = unmarked.popleft()
            if last is not None:
                self._reader.mark(last)

    def request_stop(self) -> None:
        """Make :meth:`batch` return at once, now and ever after. Safe in a signal handler."""
        self._stop_requested = True
        self._reader.wake()

    def close(self, timeout_s: float = 2.0) -> None:
        """Commit what was marked, and end, within that time."""
        self._reader.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
