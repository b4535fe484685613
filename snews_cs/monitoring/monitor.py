"""What the loop tells, turned into metrics, into health, and into systemd's watchdog."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert, AlertType
from snews_cs.errors import StreamError
from snews_cs.inspection.status import UNPUBLISHED_NS, kind_of
from snews_cs.messages.times import NS_PER_S, describe_duration, posix_from_tai
from snews_cs.messages.types import Nanoseconds, Observation
from snews_cs.monitoring.metrics import MOST_KINDS
from snews_cs.monitoring.online import OnlineWatch
from snews_cs.monitoring.statistics import ConsumerWatch
from snews_cs.monitoring.watchdog import Watchdog
from snews_cs.server.observer import Standing
from snews_cs.storage.entry import Entry

STALLED_S = 10.0
"""A loop that has not come round for so long is stalled, s."""

CLOSED_S = 5.0
"""An observation topic that has not been open for so long is out of reach, s; opening it anew takes less."""

DETECTORS_EVERY_S = 1.0
"""How often it is looked who is online, s."""

_LONGEST_KIND = 120


class Topic(Protocol):
    """The topic that is read (:class:`snews_cs.streams.observations.ObservationStream`)."""

    @property
    def problem(self) -> StreamError | None:
        """What keeps it from being read, None if nothing does."""

    @property
    def is_open(self) -> bool:
        """Whether it is open at present."""


class Monitor:
    """Watches a server: an :class:`snews_cs.server.observer.Observer` that the loop tells what happens.

    :meth:`problems`, :meth:`warnings` and :attr:`metrics` may be asked by any thread at any time; what ages, ages while
    the loop stands.

    Parameters
    ----------
    consumer
        Watches the reading of the topic; its metrics are those that are kept up to date.
    watchdog
        What each round of the loop feeds.
    topic
        The observation topic.
    now
        The clock, TAI ns.
    beside
        Returns what is to be warned of in what runs beside the server, one line each.
    monotonic
        A clock that never goes back, in s.
    """

    def __init__(
        self,
        consumer: ConsumerWatch,
        watchdog: Watchdog,
        topic: Topic,
        *,
        now: Callable[[], Nanoseconds],
        beside: Callable[[], list[str]] = list,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics = consumer.metrics
        self._consumer = consumer
        self._watchdog = watchdog
        self._topic = topic
        self._now = now
        self._beside = beside
        self._monotonic = monotonic
        self._is_ready = False
        self._standing = Standing(sequence=0)
        self._round_s = self._open_s = monotonic()
        self._longest_s = 0.0
        self._detectors_s = float("-inf")
        self._journaled_s: dict[str, float] = {}  # of entries with alerts on their way, by attempt
        self._reasons: set[str] = set()
        self._once_noisy: set[str] = set()
        self._online = OnlineWatch(monotonic)
        metrics.since_round.set_function(self._since_round_s)
        metrics.longest_round.set_function(lambda: max(self._longest_s, self._since_round_s()))
        metrics.topic_open.set_function(lambda: float(topic.is_open))
        metrics.unpublished_age.set_function(lambda: self._age_ns(self._standing.unpublished_since_ns) / NS_PER_S)
        metrics.spooled_age.set_function(lambda: self._age_ns(self._standing.spooled_since_ns) / NS_PER_S)

    @property
    def sequence(self) -> int:
        """Length of the journal after the last round."""
        return self._standing.sequence

    def problems(self) -> list[str]:
        """Return what is wrong, one line each; nothing if alerts would go out now."""
        if not self._is_ready:
            return ["starting: the journal is not restored yet"]
        found = []
        standing = self._standing
        if (stalled_s := self._since_round_s()) > STALLED_S:
            found.append(f"the loop has not come round for {stalled_s:.0f} s")
        if standing.degraded is not None:
            found.append(f"DEGRADED: {standing.degraded}")
        if (waited_ns := self._age_ns(standing.unpublished_since_ns)) > UNPUBLISHED_NS:
            found.append(f"{standing.unpublished} alerts not published for {describe_duration(waited_ns)}")
        if not self._topic.is_open and self._monotonic() - self._open_s > CLOSED_S:
            found.append(str(self._topic.problem or "the observation topic is not open"))
        return found

    def warnings(self) -> list[str]:
        """Return what an operator should know of though alerts would go out now, one line each."""
        return self._online.warnings() + self._beside()

    def opening(self) -> None:
        """Be told that the journal is being opened, which may take long: the server does not hang."""
        self._feed()

    def ready(self) -> None:
        """Be told that messages are taken in from now on."""
        self._is_ready = True
        self._round_s = self._monotonic()
        self.metrics.ready.set(1)
        self._watchdog.ready()

    def round_done(self, standing: Standing, engine: Engine) -> None:
        """Be told that the loop came round."""
        now_s = self._monotonic()
        self._longest_s = max(self._longest_s, now_s - self._round_s)
        self._round_s = now_s
        if self._topic.is_open:
            self._open_s = now_s
        else:
            self._consumer.forget()
        self._standing = standing
        if not standing.unpublished:
            self._journaled_s.clear()  # what is left there another server has published
        self.metrics.journal_sequence.set(standing.sequence)
        self.metrics.unpublished.set(standing.unpublished)
        self.metrics.spooled.set(standing.spooled)
        self.metrics.degraded.set(standing.degraded is not None)
        if now_s - self._detectors_s >= DETECTORS_EVERY_S:
            self._detectors_s = now_s
            self._look_at_detectors(engine)
        self._feed()

    def journaled(self, entries: Sequence[Entry]) -> None:
        """Be told that messages were taken in, and that their entries are durable."""
        now_ns, now_s = self._now(), self._monotonic()
        for kind, count in Counter(entry.message.kind if entry.message else "unknown" for entry in entries).items():
            self.metrics.messages.labels(kind).inc(count)
        for entry in entries:
            self.metrics.received_to_journaled.observe(max(0, now_ns - entry.received_ns) / NS_PER_S)
            if entry.alerts_json:
                self._journaled_s[entry.attempt] = now_s
            if entry.verdict.reason is not None:
                self.metrics.refused.labels(self._kind_of(entry.verdict.reason)).inc()
            else:
                self._look_at_clock(entry)
        if entries and (timestamp_ms := entries[-1].raw.timestamp_ms) >= 0:
            offset_ns = posix_from_tai(entries[-1].received_ns) - timestamp_ms * 10**6
            self.metrics.clock_offset.set(offset_ns / NS_PER_S)

    def acknowledged(self, entry: Entry, alert: Alert) -> None:
        """Be told that the broker has acknowledged an alert of this entry."""
        is_test = alert.cache.is_test
        self.metrics.alerts.labels(str(alert.alert_type), str(is_test).lower()).inc()
        if (journaled_s := self._journaled_s.get(entry.attempt)) is not None:
            self.metrics.journaled_to_acknowledged.observe(self._monotonic() - journaled_s)
        if alert.alert_type is AlertType.INITIAL and not is_test:
            latency_ns = self._now() - alert.members[0].neutrino_time_ns
            self.metrics.neutrino_to_alert.observe(max(0, latency_ns) / NS_PER_S)
        if entry.outcome is None or alert == entry.outcome.alerts[-1]:
            self._journaled_s.pop(entry.attempt, None)

    def stopping(self) -> None:
        """Be told that the loop has ended."""
        self._watchdog.stopping()

    def _feed(self) -> None:
        self._watchdog.feed("; ".join(self.problems() or self.warnings()) or "OK")

    def _since_round_s(self) -> float:
        return self._monotonic() - self._round_s

    def _age_ns(self, since_ns: Nanoseconds | None) -> Nanoseconds:
        return 0 if since_ns is None else max(0, self._now() - since_ns)

    def _kind_of(self, reason: str) -> str:
        """Return a reason without what varies in it: one of a bounded number, whatever is sent to us."""
        kind = kind_of(reason)[:_LONGEST_KIND].encode(errors="backslashreplace").decode()
        if kind not in self._reasons and len(self._reasons) >= MOST_KINDS:
            return "other"
        self._reasons.add(kind)
        return kind

    def _look_at_clock(self, entry: Entry) -> None:
        message = entry.message
        if isinstance(message, Observation) and not message.is_test:
            ahead_ns = max(0, message.neutrino_time_ns - entry.received_ns)
            self.metrics.neutrino_ahead.labels(message.detector_name).set(ahead_ns / NS_PER_S)

    def _look_at_detectors(self, engine: Engine) -> None:
        now_ns = self._now()
        noisy = engine.noisy_detectors(now_ns)
        self._once_noisy |= noisy
        for name in self._once_noisy:
            self.metrics.detector_noisy.labels(name).set(name in noisy)
        online = engine.detectors_online(now_ns)
        self.metrics.online.set(len(online))
        self._online.look(online)
        for beat in engine.heartbeats():
            if not beat.is_test:
                self.metrics.detector_online.labels(beat.detector_name).set(beat.detector_name in online)
