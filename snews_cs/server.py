"""The loop: the steps of SPEC section 6, numbered alike."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from snews_cs.answers import Answers
from snews_cs.errors import StorageError
from snews_cs.journal import Journal
from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.limits import MAX_KEPT_BYTES
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters, Verdict
from snews_cs.outbox import Outbox
from snews_cs.reporting import report
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.streams.backoff import Backoff, StopRequest

log = structlog.get_logger(__name__)

GROUP = 200
"""How many messages of a backlog share one durable write."""

SWEEP_EVERY_NS: Nanoseconds = 60 * 10**9
"""How often the store is asked to delete what has outlived its time."""


class Observations(Protocol):
    """Where messages come from (:class:`snews_cs.streams.observations.ObservationStream`)."""

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Wait for a message; return it and what else has already arrived."""

    def mark_done(self, messages: Sequence[RawMessage]) -> None:
        """Let the committed offsets move past these messages."""


class CoincidenceServer:
    """Takes messages in, decides, journals, publishes.

    Parameters
    ----------
    stream
        The observation topic.
    storage
        Where the journal's entries are projected.
    journal, outbox, answers
        The journal with its engine, the alerts on their way out, and what is answered to clients.
    policy
        What is accepted.
    parameters
        What the engine shall decide with.
    now
        The clock: TAI ns.
    """

    def __init__(
        self,
        *,
        stream: Observations,
        storage: Storage,
        journal: Journal,
        outbox: Outbox,
        answers: Answers,
        policy: AdmissionPolicy,
        parameters: Parameters,
        now: Callable[[], Nanoseconds],
    ) -> None:
        self._stream = stream
        self._storage = storage
        self._journal = journal
        self._outbox = outbox
        self._answers = answers
        self._policy = policy
        self._parameters = parameters
        self._now = now
        self._in_hand: list[RawMessage] = []
        self._behind = False
        self._unprojected: list[Entry] = []
        self._sweep_at: Nanoseconds = 0

    def start(self) -> None:
        """Restore the engine, and take up what was left undone: unmarked alerts, projections that lag behind.

        Raises
        ------
        StorageError
            If the store cannot be used.
        """
        self._journal.restore()
        for entry in self._storage.entries(after=min(self._storage.projected(), self._journal.sequence)):
            if entry.sequence > self._journal.sequence:
                break
            self._project_later(entry)
        for entry in self._journal.adopt():
            self._project_later(entry)
        self._outbox.add(self._storage.unpublished(), restored=True)
        self._take_over(self._journal.adopt_parameters(self._parameters, self._now()))
        log.info("journal restored", entries=self._journal.sequence, unpublished=len(self._outbox))

    def run(self, stop: StopRequest, wait_s: float = 0.2) -> None:
        """Take messages in until told to stop. While the store fails, messages wait in hand and are tried again."""
        backoff = Backoff()
        while not stop:
            try:
                self.round(wait_s)
            except StorageError as error:
                delay_s = backoff.failure()
                log.error("DEGRADED: the store fails", again_in_s=round(delay_s, 1), error=str(error))
                stop.wait(delay_s)
            else:
                backoff.success()

    def round(self, wait_s: float) -> None:
        """Do the steps of SPEC section 6 once, for one message or for what has piled up.

        Parameters
        ----------
        wait_s
            How long to wait for a message, s.

        Raises
        ------
        StorageError
            If the store fails. Nothing is lost: the next round goes on where this one stopped.
        """
        if not self._in_hand:
            self._in_hand = self._stream.batch(wait_s, GROUP)  # 1. read
        messages = self._in_hand
        self._journal_messages(messages)  # 1. skip what is journaled, 2. decode, 3. apply, 4. append
        self._outbox.publish()  # 5. publish, wait for the acknowledgement, mark
        self._project()  # 6. bring the projections up to here,
        self._stream.mark_done(messages)  # and let the committed offset follow
        self._in_hand = []
        self._answers.give_again()
        self._keep_house(idle=not messages)

    def _journal_messages(self, messages: Sequence[RawMessage]) -> None:
        self._catch_up()
        undecided = self._journal.unknown(messages) if messages else []
        while undecided:
            entries = [self._decide(key, raw) for key, raw in undecided]
            self._behind = True  # until the append is known to have gone well
            appended = self._journal.append(entries)
            self._take_over(appended)
            self._behind = len(appended) < len(entries)
            self._catch_up()
            undecided = self._journal.unknown(messages) if len(appended) < len(entries) else []

    def _decide(self, key: str, raw: RawMessage) -> Entry:
        received_ns = self._now()
        try:
            reading = read_message(raw, received_ns, self._policy)  # 2.
        except Exception as error:  # a fault of ours must cost one message, not the server
            log.critical("ALARM: a decoder failed on a message", key=key, exc_info=True)
            reading = Reading(message=None, verdict=Verdict(reason=f"internal error: {type(error).__name__}"))
        kept = mask_passwords(raw, self._policy.admin_password).cut(MAX_KEPT_BYTES)
        return self._journal.decide(key, kept, reading, received_ns)  # 3.

    def _take_over(self, entries: Sequence[Entry]) -> None:
        """See to what follows from entries that this server has appended."""
        self._outbox.add(entries)
        self._unprojected += entries
        report(entries)
        for entry in entries:
            self._answers.give(entry, self._journal.engine)

    def _catch_up(self) -> None:
        """Adopt what stands in the journal without our knowing: another server's, or our own after a time-out."""
        if self._behind:
            adopted = list(self._journal.adopt())
            self._outbox.add(adopted, restored=True)
            self._unprojected += adopted
            self._behind = False

    def _project_later(self, entry: Entry) -> None:
        self._unprojected.append(entry)
        if len(self._unprojected) >= GROUP:
            self._project()

    def _project(self) -> None:
        if self._unprojected:
            self._storage.project(self._unprojected)
            self._unprojected = []

    def _keep_house(self, *, idle: bool) -> None:
        self._journal.keep_snapshot(idle=idle)
        now_ns = self._now()
        if idle and now_ns >= self._sweep_at:
            self._storage.sweep(now_ns)
            self._sweep_at = now_ns + SWEEP_EVERY_NS
