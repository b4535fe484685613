"""The loop: the steps of SPEC section 6, numbered alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from snews_cs.errors import StorageError
from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.limits import MAX_KEPT_BYTES
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters, Verdict
from snews_cs.server.answers import Answers
from snews_cs.server.journal import Arrival, Journal
from snews_cs.server.outbox import Outbox
from snews_cs.server.projector import Projector
from snews_cs.server.reporting import report
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.waiting import Backoff, StopRequest

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
        The store.
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
        self._projector = Projector(storage)
        self._policy = policy
        self._parameters = parameters
        self._now = now
        self._in_hand: list[RawMessage] = []
        self._behind = False
        self._sweep_at: Nanoseconds = 0

    def start(self, stop: StopRequest) -> None:
        """Restore the engine, and take up what was left undone: unmarked alerts, projections that lag behind.

        A journal may be long: when told to stop, what is left of it is left, and :meth:`run` then does nothing.

        Raises
        ------
        StorageError
            If the store cannot be used.
        """
        self._journal.restore()
        self._replay(stop)
        while not stop and self._journal.engine.parameters != self._parameters:
            if self._journal.append_parameters(self._parameters, self._now()):
                break  # they are in force, unless the engine failed on them: then the old ones are
            self._replay(stop)
        self._projector.catch_up(stop)
        if not stop:
            self._outbox.add(self._storage.unpublished(), restored=True)
            log.info("journal restored", entries=self._journal.sequence, unpublished=len(self._outbox))

    def run(self, stop: StopRequest, wait_s: float = 0.2) -> None:
        """Take messages in until told to stop. While the store fails, messages wait in hand and are tried again."""
        backoff = Backoff()
        while not stop:
            try:
                self.round(wait_s)
            except StorageError as error:
                delay_s = backoff.failure()
                log.error("DEGRADED: the store fails", again_in_s=delay_s, error=str(error))
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
        self._answers.send()
        self._projector.project()  # 6. bring the projections up to here,
        self._stream.mark_done(messages)  # and let the committed offset follow
        self._in_hand = []
        self._keep_house(idle=not messages)

    def _replay(self, stop: StopRequest) -> None:
        """Bring the engine up to the journal; what follows from the entries is found in the store."""
        for _ in self._journal.adopt():
            if stop:
                break

    def _journal_messages(self, messages: Sequence[RawMessage]) -> None:
        self._catch_up()
        undecided = self._journal.unknown(messages) if messages else []
        while undecided:
            arrivals = [self._read(key, raw) for key, raw in undecided]
            self._behind = True  # until the append is known to have gone well
            appended = self._journal.append(arrivals)
            self._behind = len(appended) < len(arrivals)
            self._follow_up(appended)
            self._catch_up()
            undecided = self._journal.unknown(messages) if len(appended) < len(arrivals) else []

    def _read(self, key: str, raw: RawMessage) -> Arrival:
        received_ns = self._now()
        try:
            reading = read_message(raw, received_ns, self._policy)  # 2.
            kept = mask_passwords(raw, self._policy.admin_password).cut(MAX_KEPT_BYTES)
        except Exception as error:  # a fault of ours must cost one message, not the server
            log.critical("ALARM: a message could not even be refused", key=key, exc_info=True)
            reading = Reading(message=None, verdict=Verdict(reason=f"internal error: {type(error).__name__}"))
            kept = replace(raw, headers=(), value=None)  # what is in it could not be masked; the topic still has it
        return Arrival(key=key, raw=kept, reading=reading, received_ns=received_ns)

    def _catch_up(self) -> None:
        """Adopt what stands in the journal without our knowing: another server's, or our own after a time-out."""
        if self._behind:
            for entry, is_ours in self._journal.adopt():
                if is_ours:
                    self._follow_up([entry])
                else:
                    self._outbox.add([entry], restored=True)
                    self._projector.add([entry])
            self._behind = False

    def _follow_up(self, entries: Sequence[Entry]) -> None:
        """See to what follows from entries that this server has appended."""
        self._outbox.add(entries)
        self._projector.add(entries)
        report(entries, self._journal.engine.heartbeats())
        for entry in entries:
            self._answers.take(entry)

    def _keep_house(self, *, idle: bool) -> None:
        self._journal.keep_snapshot(idle=idle)
        now_ns = self._now()
        if idle and now_ns >= self._sweep_at:
            self._storage.sweep(now_ns)
            self._sweep_at = now_ns + SWEEP_EVERY_NS
