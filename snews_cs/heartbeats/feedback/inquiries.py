"""Who asked how a detector's heartbeats do, by Get-Feedback, and is answered by mail."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial

import structlog

from snews_cs.errors import MessageRefused
from snews_cs.heartbeats.feedback.desk import Desk
from snews_cs.heartbeats.feedback.figures import FigureDirectory, figure_name
from snews_cs.heartbeats.feedback.letters import Letter, feedback_letter
from snews_cs.heartbeats.feedback.report import report_on
from snews_cs.heartbeats.feedback.unanswered import Unanswered
from snews_cs.heartbeats.statistics import DAY_NS, beats_of
from snews_cs.messages.decoders import decode
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import GetFeedback, Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import StoreReader
from snews_cs.storage.tables import HeartbeatRow

log = structlog.get_logger(__name__)

ANSWERED_FOR_NS = DAY_NS
"""What was asked longer ago than this is not answered any more, ns: it was about another day."""

MOST_ANSWERS = 10
"""So many requests about one detector are answered within :data:`WITHIN_NS`: nobody's mailbox can be filled."""

WITHIN_NS = 3_600 * NS_PER_S


class Inquiries:
    """Follows the journal, and queues an answer to each Get-Feedback, for the addresses registered for that detector.

    Parameters
    ----------
    desk
        Where they are answered.
    figures
        Where the figures are kept.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(
        self, desk: Desk, figures: FigureDirectory, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._desk = desk
        self._figures = figures
        self._position: int | None = None
        self._answered: defaultdict[str, deque[Nanoseconds]] = defaultdict(deque)
        self._strangers = Unanswered("feedback is not mailed to who is not registered", monotonic)
        self._too_many = Unanswered("feedback is not mailed again so soon", monotonic)

    def look(self) -> None:
        """Read what was journaled since the last look; at first, since as long as requests are answered.

        Raises
        ------
        StorageError
            If the store fails.
        """
        store = self._desk.store
        last = store.last_sequence()
        if self._position is None:
            self._position = _last_before(store, self._desk.now() - ANSWERED_FOR_NS, last)
        elif last < self._position:
            log.warning("the store was emptied")
            self._position = 0
        for entry in store.entries(self._position):
            if isinstance(entry.message, GetFeedback):
                self._see_to(entry, entry.message)
            self._position = entry.sequence
        self._strangers.tell()
        self._too_many.tell()

    def close(self) -> None:
        """Log what was not answered, as far as it is not told yet."""
        self._strangers.tell_rest()
        self._too_many.tell_rest()

    def _see_to(self, entry: Entry, message: GetFeedback) -> None:
        if self._desk.now() - entry.received_ns > ANSWERED_FOR_NS:
            return
        name = message.detector_name
        detector = self._desk.registry.resolve(name)
        registered = {address.casefold(): address for address in detector.emails} if detector else {}
        asked = {address.casefold() for address in message.emails if entry.verdict.accepted}
        addresses = sorted(registered[each] for each in asked & registered.keys())
        if others := _asked_for(entry) - (asked & registered.keys()):
            self._strangers.add(name, others)
        if not addresses:
            return
        answered = self._answered[name]
        while answered and entry.received_ns - answered[0] > WITHIN_NS:
            answered.popleft()
        if len(answered) >= MOST_ANSWERS:
            self._too_many.add(name, addresses)
            return
        answered.append(entry.received_ns)
        compose = partial(self._answer, name, entry.received_ns)
        for address in addresses:
            self._desk.post.add(f"feedback {entry.key}", address, compose)

    def _answer(self, name: str, asked_ns: Nanoseconds) -> Letter:
        """Write the answer, and draw its figure; both are of when it was asked for, whenever that is done."""
        from snews_cs.heartbeats.feedback.figure import png_of  # matplotlib takes its time, and is seldom needed

        offline_after_ns = self._desk.offline_after_ns
        rows = self._desk.store.rows(HeartbeatRow, since_ns=asked_ns - DAY_NS - offline_after_ns)
        beats = beats_of(row for row in rows if row.detector_name == name).get(name, [])
        report = report_on(name, beats, asked_ns, offline_after_ns=offline_after_ns)
        png, file_name = png_of(report), figure_name(name, asked_ns)
        self._figures.keep(file_name, png)
        return feedback_letter(report, (png, file_name))


def _asked_for(entry: Entry) -> set[str]:
    """Return all addresses that a request names: the message in the journal has the registered ones only."""
    try:
        message = decode(entry.raw).message
    except MessageRefused:
        return set()
    return {address.casefold() for address in message.emails} if isinstance(message, GetFeedback) else set()


def _last_before(store: StoreReader, time_ns: Nanoseconds, last: int) -> int:
    """Return the number of an entry that was received before a time, and near to it: 0 if there is none."""
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        entry = store.entry(middle)
        if entry is None or entry.received_ns >= time_ns:
            high = middle
        else:
            low = middle
    return low
