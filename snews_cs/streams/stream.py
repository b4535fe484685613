"""What all streams have in common: a reader in a thread of its own, and one thread that takes from it."""

from typing import Self

from snews_cs.errors import StreamError
from snews_cs.streams.reader import Reader, ReceivedRecord


class TopicStream:
    """A topic that is read for ever: opened again whenever reading fails, or the topic is another one by now.

    One thread uses a stream; :meth:`request_stop` may come from anywhere.

    Parameters
    ----------
    reader
        Reads the topic; the stream closes it.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._stop_requested = False

    @property
    def problem(self) -> StreamError | None:
        """What keeps the topic from being read at present, None if nothing does."""
        return self._reader.problem

    @property
    def is_open(self) -> bool:
        """Whether the topic is open at present."""
        return self._reader.is_open

    def request_stop(self) -> None:
        """Make waiting for a message end at once, now and ever after. Safe in a signal handler."""
        self._stop_requested = True
        self._reader.wake()

    def close(self, timeout_s: float = 1.5) -> None:
        """Commit what was marked, and end, within that time."""
        self._reader.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, timeout_s: float, limit: int) -> list[ReceivedRecord]:
        return [] if self._stop_requested else self._reader.take(timeout_s, limit)
