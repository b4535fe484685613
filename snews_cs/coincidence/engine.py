"""The engine: one message in, what follows from it out.

It is a fold over the journal: nothing in it reads a clock, a setting or a random number, so the same messages with
the same received times always give the same outcomes.
"""

from collections.abc import Mapping
from itertools import product

from snews_cs.coincidence import snapshot
from snews_cs.coincidence.alerts import Circumstances, close_silently, decide
from snews_cs.coincidence.beats import Beats
from snews_cs.coincidence.cache import Cache, Recut
from snews_cs.coincidence.reconciling import reconcile
from snews_cs.coincidence.sublists import Line
from snews_cs.coincidence.types import Alert, Beat, CacheKey, Disposition, LineRecord, Outcome
from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import (
    Command,
    HardReset,
    Heartbeat,
    Message,
    Nanoseconds,
    Observation,
    Parameters,
    Reconcile,
    Retraction,
)


class _Change:
    """What one message has changed so far."""

    __slots__ = ("alerts", "key", "lines", "lines_gone", "log", "now_ns", "touched")

    def __init__(self, key: str, now_ns: Nanoseconds) -> None:
        self.key = key
        self.now_ns = now_ns
        self.log = UndoLog()
        self.alerts: list[Alert] = []
        self.lines: list[LineRecord] = []
        self.lines_gone: list[int] = []
        self.touched: dict[tuple[CacheKey, int], None] = {}


class Engine:
    """The live observations, their sublists and standing alerts, and the rules of SPEC sections 2 to 5.

    Parameters
    ----------
    parameters
        The numbers to decide with; a :class:`Parameters` message changes them.
    """

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self._caches = {key: Cache(key) for key in (CacheKey(*each) for each in product((False, True), repeat=2))}
        self._beats = Beats()
        self._told: dict[str, int] = {}
        self._commands: dict[str, Nanoseconds] = {}
        self._next_line = 0
        self._next_arrival = 0
        self._unsettled: list[UndoLog] = []

    @property
    def caches(self) -> Mapping[CacheKey, Cache]:
        """The four caches."""
        return self._caches

    def apply(self, message: Message, received_ns: Nanoseconds, key: str) -> Outcome:
        """Decide what follows from one accepted message.

        Parameters
        ----------
        message
            What was said, already validated.
        received_ns
            When the server took it in, TAI ns; "now" for everything decided here.
        key
            The message's journal key, from which the ids of new events are made.
        """
        change = _Change(key, received_ns)
        self._unsettled.append(change.log)
        try:
            for cache in self._caches.values():
                self._expire(cache, change)
            disposition = self._dispatch(message, change)
        except BaseException:
            self.undo()
            raise
        touched = [(cache, number, self._caches[cache].sublist(number)) for cache, number in change.touched]
        return Outcome(
            disposition=disposition,
            alerts=tuple(change.alerts),
            lines=tuple(change.lines),
            lines_gone=tuple(change.lines_gone),
            sublists=tuple(self._caches[cache].sublist_record(each) for cache, _, each in touched if each is not None),
            sublists_gone=tuple((cache, number) for cache, number, each in touched if each is None),
        )

    def undo(self) -> None:
        """Take back the latest message that is not settled.

        Raises
        ------
        IndexError
            If every message is settled.
        """
        self._unsettled.pop().rollback()

    def settle(self) -> None:
        """Make what was decided final: it cannot be undone any more."""
        self._unsettled.clear()

    def snapshot(self) -> bytes:
        """Return the whole state, from which :meth:`restore` makes an engine that decides alike."""
        beats = self._beats.rows()
        state = (self.parameters, self._next_line, self._next_arrival, beats, self._told, self._commands)
        return snapshot.dump(state, self._caches.values())

    @classmethod
    def restore(cls, state: bytes) -> "Engine":
        """Make an engine from a snapshot.

        Raises
        ------
        UnreadableSnapshot
            If it is none, or of another version.
        """
        engine = cls()
        rest = snapshot.load(state, engine._caches)
        engine.parameters, engine._next_line, engine._next_arrival, beats, engine._told, engine._commands = rest
        engine._beats = Beats(beats)
        return engine

    @property
    def remembered(self) -> int:
        """How many observations are live or known from before: what a snapshot costs."""
        return sum(len(cache.live) + len(cache.memory.accepted) for cache in self._caches.values())

    def heartbeats(self) -> list[Beat]:
        """Return the last beat of each detector, by name: a heartbeat, or an observation, which says ON."""
        return self._beats.last()

    def detectors_online(self, now_ns: Nanoseconds, *, is_test: bool = False) -> frozenset[str]:
        """Return the detectors whose last beat says ON and is younger than ``HB_OFFLINE_AFTER``."""
        return self._beats.online(now_ns, self.parameters.offline_after_ns, is_test=is_test)

    def noisy_detectors(self, now_ns: Nanoseconds, *, is_test: bool = False) -> frozenset[str]:
        """Return the detectors that an alert about something new would flag as NOISY now."""
        threshold_ns = self.parameters.coincidence_threshold_ns
        caches = [cache for key, cache in self._caches.items() if key.is_test == is_test]
        return frozenset(name for cache in caches for name in cache.noisy_detectors(now_ns, threshold_ns))

    def _dispatch(self, message: Message, change: _Change) -> Disposition:
        if isinstance(message, Command) and self._came_before(message, change):
            return Disposition.DUPLICATE
        match message:
            case Observation():
                return self._observe(message, change)
            case Retraction():
                return self._retract(message, change)
            case Heartbeat():
                self._beats.hear(message, change.now_ns, change.log)
            case HardReset():
                return self._reset(message, change)
            case Parameters():
                self._adopt(message, change)
            case Reconcile():
                return self._reconcile(message, change)
            case _:
                pass  # archives and answers are made from the journal; the caches are not touched
        return Disposition.NOTED

    def _expire(self, cache: Cache, change: _Change) -> None:
        cache.forget(change.now_ns, change.log)
        while (line := cache.live.next_expired(change.now_ns, change.log)) is not None:
            cache.live.drop(line, change.log)
            change.lines_gone.append(line.number)
            self._cut_silently(cache, [line.time_ns], change)

    def _observe(self, message: Observation, change: _Change) -> Disposition:
        cache, now_ns = self._cache_of(message), change.now_ns
        if cache.memory.is_duplicate(message, now_ns):
            return Disposition.DUPLICATE
        if cache.memory.end_wait(message, now_ns, change.log):
            cache.memory.accept(message, now_ns, None, change.log)
            return Disposition.RETRACTED_BEFORE
        self._beats.hear(message, now_ns, change.log)
        expires_ns = (now_ns if message.is_test else message.neutrino_time_ns) + self.parameters.expiration_ns
        if expires_ns <= now_ns:
            cache.memory.accept(message, now_ns, None, change.log)
            return Disposition.EXPIRED
        arrival = self._next_arrival
        change.log.assign(self, "_next_arrival", arrival + 1)
        if (equal := cache.live.equal_to(message)) is not None:
            cache.memory.accept(message, now_ns, equal.number, change.log)
            cache.live.join(equal, arrival, change.log)
            return Disposition.REPEATED
        old = cache.live.refined_by(message, self.parameters.refine_window_ns)
        line = Line(
            time_ns=message.neutrino_time_ns,
            number=self._next_line if old is None else old.number,
            detector_name=message.detector_name,
            p_value=message.p_value,
            anchor_ns=message.neutrino_time_ns if old is None else old.anchor_ns,
            message_uuid=message.message_uuid,
            received_ns=now_ns,
            expires_ns=expires_ns,
            arrival=arrival if old is None else old.arrival,
        )
        if old is None:
            change.log.assign(self, "_next_line", line.number + 1)
            cache.live.open(line, change.log)
        else:
            cache.live.move(line, arrival, change.log)
        cache.memory.accept(message, now_ns, line.number, change.log)
        change.lines.append(cache.line_record(line))
        self._cut(cache, [line.time_ns] if old is None else [old.time_ns, line.time_ns], change)
        return Disposition.OPENED if old is None else Disposition.REFINED

    def _retract(self, message: Retraction, change: _Change) -> Disposition:
        cache = self._cache_of(message)
        if message.retract_message_uuid is not None:
            identity = (message.detector_name, message.retract_message_uuid)
            lines = cache.lines_of_message(identity)
            if not lines and not cache.memory.knows(identity):
                cache.memory.await_message(message, change.now_ns, change.log)
                return Disposition.AWAITING
        else:
            lines = cache.live.latest_of(message.detector_name, message.retract_latest_n or 0)
        if not lines:
            return Disposition.NO_TARGET
        for line in lines:
            cache.live.drop(line, change.log)
            change.lines_gone.append(line.number)
        withdrawn = frozenset(line.number for line in lines)
        self._cut(cache, [line.time_ns for line in lines], change, withdrawn)
        return Disposition.WITHDREW

    def _came_before(self, command: Command, change: _Change) -> bool:
        """Whether this very command was obeyed already: brought twice by Kafka, or recorded and sent again."""
        if command.message_uuid in self._commands:
            return True
        change.log.put(self._commands, command.message_uuid, change.now_ns)
        return False

    def _reset(self, message: HardReset, change: _Change) -> Disposition:
        for cache in self._caches.values():
            if cache.key.is_test == message.is_test:
                change.lines_gone.extend(sorted(line.number for line in cache.live))
                change.touched |= dict.fromkeys((cache.key, each.number) for each in cache.sublists())
                cache.clear(change.log)
        return Disposition.RESET

    def _adopt(self, parameters: Parameters, change: _Change) -> None:
        change.log.assign(self, "parameters", parameters)
        for cache in self._caches.values():
            self._cut_silently(cache, [line.time_ns for line in cache.live], change)

    def _reconcile(self, message: Reconcile, change: _Change) -> Disposition:
        circumstances = self._circumstances(change)
        found = reconcile(message, self._caches, self._told, circumstances)
        change.alerts += found.alerts
        for event_id, revision in found.told.items():
            change.log.put(self._told, event_id, revision)
        for cache, before, after in found.announced:
            self._store(cache, Recut([before], [after]), change)
        return Disposition.RECONCILED

    def _cut(
        self,
        cache: Cache,
        changed_ns: list[Nanoseconds],
        change: _Change,
        withdrawn: frozenset[int] = frozenset(),
    ) -> None:
        recut = cache.recut(changed_ns, self.parameters.coincidence_threshold_ns, change.log)
        decision = decide(cache, recut, self._circumstances(change, withdrawn))
        change.alerts += decision.alerts
        for event_id, revision in decision.told.items():
            change.log.put(self._told, event_id, revision)
        self._store(cache, recut._replace(after=decision.after), change)

    def _circumstances(self, change: _Change, withdrawn: frozenset[int] = frozenset()) -> Circumstances:
        return Circumstances(change.key, change.now_ns, self._beats, self.parameters, withdrawn)

    def _cut_silently(self, cache: Cache, changed_ns: list[Nanoseconds], change: _Change) -> None:
        recut = cache.recut(changed_ns, self.parameters.coincidence_threshold_ns, change.log)
        self._store(cache, close_silently(recut), change)

    def _store(self, cache: Cache, recut: Recut, change: _Change) -> None:
        change.touched |= dict.fromkeys((cache.key, number) for number in cache.store(recut, change.log))

    def _cache_of(self, message: Observation | Retraction) -> Cache:
        return self._caches[CacheKey(message.is_test, message.is_pre_sn)]
