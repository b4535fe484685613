"""A thread that reads a topic for ever."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import NamedTuple

import structlog
from confluent_kafka import KafkaException

from snews_cs.errors import StreamError
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.session import ReadFrom, Session
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

_MOST_BUFFERED = 8_000_000
_OVERHEAD = 500


class ReceivedRecord(NamedTuple):
    """A record, when it arrived here (POSIX time, ns), and in which opening of the topic."""

    record: RawMessage
    arrived_unix_ns: int
    session: Session

    @property
    def size(self) -> int:
        """About how many bytes it occupies."""
        return _OVERHEAD + len(self.record.value or b"")


class Reader:
    """Reads a topic in a thread of its own, and opens it again for ever, with a growing pause, when that fails.

    Each failure is one line in the log, and :attr:`problem` until reading goes on.

    Parameters
    ----------
    on_open
        Called in the reader's thread each time the topic has been opened.
    """

    def __init__(self, source: ReadFrom, *, on_open: Callable[[], None] = lambda: None) -> None:
        self._source = source
        self._on_open = on_open
        self._backoff = Backoff()
        self._closing = StopRequest()
        self._arrived: SimpleQueue[ReceivedRecord | None] = SimpleQueue()  # None only wakes up whoever waits
        self._put_bytes = self._taken_bytes = 0
        self._session: Session | None = None
        self._is_open = False
        self._problem: StreamError | None = None
        self._crash: BaseException | None = None
        self._finished = False
        self._thread = threading.Thread(target=self._run, name=f"reads {source.address.topic}", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> StreamError | None:
        """What keeps it from reading at present, None if nothing does."""
        return self._problem

    @property
    def is_open(self) -> bool:
        """Whether the topic is open at present, and may be read."""
        return self._is_open

    @property
    def exhausted(self) -> bool:
        """Whether all has been taken that ever will arrive (only a reader ``until_end`` gets there)."""
        return self._finished and self._arrived.empty()

    def take(self, timeout_s: float, limit: int) -> list[ReceivedRecord]:
        """Wait for the first arrival, at most that long, and return it with what else is there already.

        Raises
        ------
        StreamError
            If the thread ended by an error that nobody foresaw, which is chained.
        """
        if self._crash is not None and self._arrived.empty():
            raise StreamError(f"reading {self._source.address} ended unexpectedly") from self._crash
        taken: list[ReceivedRecord] = []
        try:
            arrival = self._arrived.get(timeout=timeout_s)
            while arrival is not None:
                taken.append(arrival)
                self._taken_bytes += arrival.size
                if len(taken) >= limit:
                    break
                arrival = self._arrived.get_nowait()
        except Empty:
            pass
        return taken

    def wake(self) -> None:
        """End a :meth:`take` that waits. Safe in a signal handler."""
        self._arrived.put(None)

    def close(self, timeout_s: float = 1.5) -> None:
        """Commit what was marked and end, within that time; what has not been taken is dropped."""
        self._closing.make()
        deadline = time.monotonic() + timeout_s
        while self._thread.is_alive() and time.monotonic() < deadline:
            session = self._session
            if session is not None:
                session.stop()  # again and again: what comes while the session starts has no effect
            self._thread.join(0.05)
        if self._thread.is_alive():
            log.warning(
                "reading did not end in time; what was marked may be read again", topic=str(self._source.address)
            )

    def _run(self) -> None:
        try:
            while not self._closing and not self._finished:
                self._attempt()
        except BaseException as error:  # noqa: BLE001  # take() raises it where somebody listens
            self._crash = error
        finally:
            self._finished = True
            self.wake()

    def _attempt(self) -> None:
        """Open the topic and read it until it fails, or is closed, or changes."""
        problem = None
        try:
            self._session = Session(self._source, stopping=lambda: bool(self._closing))
            self._read(self._session)
        except StreamError as error:
            problem = type(error)(str(error))  # a copy: no traceback that keeps clients of librdkafka alive
        except (KafkaException, OSError) as error:  # of what the machine lacks for a while: files, memory, threads
            problem = StreamError(f"{self._source.address} cannot be read now: {error}")
        finally:
            session, self._session = self._session, None
            self._is_open = False
            if session is not None:
                session.close()
        if problem is not None and not self._closing:
            self._failed(problem)

    def _opened(self) -> None:
        if self._problem is not None:
            log.info("the topic can be read again", topic=str(self._source.address))
        self._problem = None
        self._is_open = True
        self._backoff.success()
        self._on_open()

    def _failed(self, problem: StreamError) -> None:
        self._problem = problem
        delay_s = self._backoff.failure()
        log.warning(str(problem), again_in_s=delay_s)
        self._closing.wait(delay_s)

    def _read(self, session: Session) -> None:
        for item in session.records():
            if not self._is_open:
                self._opened()
            if item is None:
                continue
            arrival = ReceivedRecord(item, time.time_ns(), session)
            self._put_bytes += arrival.size
            self._arrived.put(arrival)
            while self._put_bytes - self._taken_bytes > _MOST_BUFFERED:
                if self._closing.wait(0.005):
                    return
            if self._closing:
                return
        self._finished = self._source.until_end
