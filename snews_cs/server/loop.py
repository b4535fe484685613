"""The loop: the steps of SPEC section 6, numbered alike."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from snews_cs.errors import StorageError
from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.limits import MAX_KEPT_BYTES
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, Parameters, Verdict
from snews_cs.server.alone import Alone
from snews_cs.server.answers import Answers
from snews_cs.server.arrival import Arrival
from snews_cs.server.housekeeping import Housekeeping
from snews_cs.server.journal import Journal, Origin, Stood
from snews_cs.server.notices import Notices
from snews_cs.server.observer import Observer, Standing
from snews_cs.server.opening import Opening
from snews_cs.server.outbox import Outbox
from snews_cs.server.projector import Projector
from snews_cs.server.reporting import report
from snews_cs.server.spool import Spool
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from snews_cs.waiting import StopRequest

log = structlog.get_logger(__name__)

GROUP = 200
"""How many messages of a backlog share one durable write."""

OPEN_FOR_S = 0.1
"""For how long the journal is opened on before messages get their turn again, on the way back to the store, s."""

FEW = 50
"""How many messages are taken in at such a turn: fewer than a step of the opening journals, so that it ends."""

LOOK_EVERY_S = 0.25
"""How often a server that writes nothing looks whether another one has, s."""

SPOOL_EVERY_S = 60.0
"""How often it is seen to that the spool is empty while the store is there, s."""


class Observations(Protocol):
    """Where messages come from (:class:`snews_cs.streams.observations.ObservationStream`)."""

    def batch(self, timeout_s: float, limit: int) -> list[RawMessage]:
        """Wait for a message; return it and what else has already arrived."""

    def mark_done(self, messages: Sequence[RawMessage]) -> None:
        """Let the committed offsets move past these messages."""


class CoincidenceServer:
    """Takes messages in, decides, journals, publishes; alone while the store is away.

    Parameters
    ----------
    stream
        The observation topic.
    storage, spool
        The store, and the disk for what is decided while it is away.
    outbox, answers, notices
        The alerts on their way out; what is answered to clients; what is told of observations that raise none.
    server_tag
        This server's name.
    policy
        What is accepted.
    parameters
        What the engine shall decide with.
    now, monotonic
        The clocks: TAI ns; and s that never go back.
    observer
        Is told what happens.

    Attributes
    ----------
    journal
        What this server knows of the journal, and its engine.
    """

    def __init__(
        self,
        *,
        stream: Observations,
        storage: Storage,
        spool: Spool,
        outbox: Outbox,
        answers: Answers,
        notices: Notices,
        server_tag: str,
        policy: AdmissionPolicy,
        parameters: Parameters,
        now: Callable[[], Nanoseconds],
        monotonic: Callable[[], float],
        observer: Observer,
    ) -> None:
        self.journal = Journal(storage, server_tag)
        self._stream = stream
        self._storage = storage
        self._spool = spool
        self._outbox = outbox
        self._answers = answers
        self._notices = notices
        self._server_tag = server_tag
        self._policy = policy
        self._parameters = parameters
        self._now = now
        self._monotonic = monotonic
        self._observer = observer
        self._alone = Alone(spool, outbox, monotonic)
        self._projector = Projector(storage, monotonic)
        self._house = Housekeeping(storage, spool, now, monotonic)
        self._opening: Opening | None = None
        self._in_hand: list[Arrival] = []
        self._is_restart = True
        self._stop = StopRequest()
        self._look_at_s = self._spool_at_s = 0.0

    def run(self, stop: StopRequest, wait_s: float = 0.2) -> None:
        """Take messages in until told to stop, whatever fails."""
        self._stop = stop
        self._spool.open()
        try:
            self.start(stop)
        except StorageError as error:
            self._alone.begin(error)
            self._alone.restore(self.journal, self._parameters, self._now())
        self._observer.ready()
        while not stop:
            self.turn(stop, wait_s)
        if not self._alone:
            self._house.copy(self.journal)
        self._observer.stopping()

    def start(self, stop: StopRequest) -> None:
        """Begin with what the store holds; nothing else is done until then, or until told to stop.

        Raises
        ------
        StorageError
            If the store fails: nothing has changed for this server then.
        """
        while not (self._open(stop) or stop):
            self._observer.opening()

    def turn(self, stop: StopRequest, wait_s: float) -> None:
        """Do a round: alone if the store is away, and until it is worked with again."""
        try:
            if not self._alone:
                self.round(wait_s)
                self._look_at_spool(stop)
            else:
                self._round_alone(stop, wait_s)
                if self._alone.store_is_due:
                    self._open(stop)
        except StorageError as error:
            self._alone.begin(error)
        self._observer.round_done(self._standing(), self.journal.engine)

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
        self._take_in_hand(wait_s)  # 1. read, 2. decode
        if self._monotonic() >= self._look_at_s:
            self._follow_up(self.journal.adopt())
            self._look_at_s = self._monotonic() + LOOK_EVERY_S
        if not self._follow_up(self.journal.take(self._in_hand)):  # 1. skip what is journaled, 3. apply, 4. append
            return
        self._outbox.publish()  # 5. publish, wait for the acknowledgement, mark
        self._answers.send()
        self._notices.send()
        is_store_well = self._projector.project()  # 6. bring the projections up to here,
        self._stream.mark_done([arrival.raw for arrival in self._in_hand])  # and let the committed offset follow
        is_idle = not self._in_hand
        self._in_hand = []
        if is_store_well:
            self._house.keep(self.journal, idle=is_idle)

    def _round_alone(self, stop: StopRequest, wait_s: float) -> None:
        """Do the steps with the spool in place of the store, and commit nothing."""
        wait_s, limit = (wait_s, GROUP) if self._opening is None else (0.0, FEW)
        if self._spool.is_full:
            stop.wait(wait_s)
        else:
            self._take_in_hand(wait_s, limit)
        self._tell(self._alone.take(self.journal, self._in_hand))
        self._in_hand = []
        self._outbox.publish(alone=True)
        self._answers.send()
        self._notices.send()

    def _open(self, stop: StopRequest) -> bool:
        """Go on with opening the journal for a while; whether that is done, and it is worked with from now on."""
        opening = self._opening or Opening(
            Journal(self._storage, self._server_tag, self.journal.in_doubt),
            self._storage,
            self._spool,
            self._parameters,
            self._now,
        )
        self._opening = None  # should it fail
        until_s = self._monotonic() + OPEN_FOR_S
        if not opening.go_on(lambda: bool(stop) or self._monotonic() >= until_s):
            self._opening = opening
            return False
        self.journal, self._projector = opening.journal, Projector(self._storage, self._monotonic)
        self._outbox.restore(opening.unpublished, opening.sent_alone, is_restart=self._is_restart)
        self._stream.mark_done(self._alone.end(self.journal.sequence, opening.snapshot))
        self._is_restart = False
        self._look_at_s = self._monotonic() + LOOK_EVERY_S
        log.info("journal restored", entries=self.journal.sequence, unpublished=len(self._outbox))
        self._projector.project()
        return True

    def _take_in_hand(self, wait_s: float, limit: int = GROUP) -> None:
        if not self._in_hand:
            messages = self._stream.batch(min(wait_s, self._outbox.wait_s), limit)
            self._in_hand = [self._read(raw) for raw in messages]

    def _read(self, raw: RawMessage) -> Arrival:
        received_ns = self._now()
        try:
            reading = read_message(raw, received_ns, self._policy)
            kept = mask_passwords(raw, self._policy.admin_password).cut(MAX_KEPT_BYTES)
        except Exception as error:  # a fault of ours must cost one message, not the server
            log.critical("ALARM: a message could not even be refused", key=raw.key, exc_info=True)
            reading = Reading(message=None, verdict=Verdict(reason=f"internal error: {type(error).__name__}"))
            kept = replace(raw, headers=(), value=None)  # what is in it could not be masked; the topic still has it
        return Arrival(key=raw.key, raw=kept, reading=reading, received_ns=received_ns)

    def _follow_up(self, news: Iterable[Stood]) -> bool:
        """See to what follows from entries that come to stand in the journal; whether to all of them.

        Others may have written much: when told to stop, what is left of that is left.
        """
        for entries, origin in news:
            self._projector.add(entries)
            match origin:
                case Origin.NOW:
                    self._outbox.add(entries)
                    self._look_at_s = self._monotonic() + LOOK_EVERY_S  # nobody else took these numbers
                case Origin.LATE:
                    self._outbox.add_in_doubt(entries)
                case Origin.ANOTHER:
                    self._outbox.adopt(entries)
            if origin is not Origin.ANOTHER:
                self._tell(entries)
            elif self._stop:
                return False
        return True

    def _tell(self, entries: Sequence[Entry]) -> None:
        """Tell whoever wants to know what this server has taken in."""
        report(entries)
        self._observer.journaled(entries)
        for entry in entries:
            self._answers.take(entry)
        self._notices.take(entries, self.journal.engine, is_alone=bool(self._alone))

    def _look_at_spool(self, stop: StopRequest) -> None:
        """See to what its disk was found only now to hold, or could not be emptied of."""
        if self._monotonic() >= self._spool_at_s:
            self._spool_at_s = self._monotonic() + SPOOL_EVERY_S
            self._spool.open()
            if self._spool.depth:
                self.start(stop)

    def _standing(self) -> Standing:
        return Standing(
            sequence=self.journal.sequence,
            unpublished=self._outbox.alerts,
            unpublished_since_ns=self._outbox.since_ns,
            spooled=self._spool.depth,
            spooled_since_ns=self._spool.since_ns,
            degraded=self._alone.reason,
        )
