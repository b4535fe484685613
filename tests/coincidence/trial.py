"""An engine on trial: told the same as the oracle, and asked the same after each message."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import isclose
from typing import NamedTuple

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.frame import assign_sublists
from snews_cs.coincidence.types import Alert, AlertType, CacheKey, LineRecord, Outcome, SublistRecord
from snews_cs.messages.types import Message, Parameters, Reconcile, SentAlone
from tests.coincidence.oracle import Oracle


class Disagreement(AssertionError):
    """The engine does not do what SPEC says."""


class Step(NamedTuple):
    """A message, what the engine said about it, and what was true before."""

    message: Message
    received_ns: int
    key: str
    outcome: Outcome
    oracle_before: Oracle
    numbers_used_before: dict[CacheKey, frozenset[int]]
    alerts_before: int


class Trial:
    """The engine and the oracle side by side.

    Every method raises :class:`Disagreement` as soon as they differ or an invariant does not hold.
    """

    def __init__(self, engine: Engine, parameters: Parameters | None = None) -> None:
        self.engine = engine
        self.oracle = Oracle(parameters)
        self.alerts: list[Alert | SentAlone] = []
        self._history: list[Step] = []
        self._messages = 0
        self._numbers_used: dict[CacheKey, frozenset[int]] = {key: frozenset() for key in self.oracle.caches}
        self._seen: dict[CacheKey, tuple[list[LineRecord], list[SublistRecord]]] = {}
        self._of_oracle: dict[str, str] = {}
        self._of_engine: dict[str, str] = {}
        self._check_state()

    @property
    def undoable(self) -> int:
        """How many messages can be taken back."""
        return len(self._history)

    def apply(self, message: Message, received_ns: int) -> Outcome:
        """Tell both the next message, and compare what they say and how they then stand."""
        self._messages += 1
        return self._apply(message, received_ns, f"observations/0/{self._messages}/digest")

    def undo(self, count: int) -> list[Step]:
        """Take back the latest ``count`` messages, newest first; return them in the order in which they came."""
        taken_back = []
        for _ in range(count):
            step = self._history.pop()
            self.engine.undo()
            self.oracle = step.oracle_before
            self._numbers_used = step.numbers_used_before
            del self.alerts[step.alerts_before :]
            self._check_state()
            taken_back.append(step)
        return taken_back[::-1]

    def again(self, steps: Sequence[Step]) -> None:
        """Tell both what was taken back once more: the engine says the very same, identifiers and all."""
        for step in steps:
            outcome = self._apply(step.message, step.received_ns, step.key)
            demand(outcome == step.outcome, f"after undo another outcome:\n{outcome}\n{step.outcome}")

    def settle(self) -> None:
        """Make what was applied final."""
        self.engine.settle()
        self._history.clear()

    def restart(self) -> None:
        """Go on with an engine made of a snapshot."""
        self.engine = type(self.engine).restore(self.engine.snapshot())
        self._history.clear()
        self._check_state()

    def _apply(self, message: Message, received_ns: int, key: str) -> Outcome:
        before = self.oracle.copy(), self._numbers_used, len(self.alerts)
        if isinstance(message, Reconcile):
            self.alerts += message.alerts
        expected = self.oracle.apply(self._as_oracle_knows_it(message), received_ns, key)
        outcome = self.engine.apply(message, received_ns, key)
        self._history.append(Step(message, received_ns, key, outcome, *before))
        self._compare(outcome, expected)
        for alert in outcome.alerts:
            self._check_alert(alert)
            self.alerts.append(alert)
        self._check_state()
        for is_test in (False, True):
            online = self.engine.detectors_online(received_ns, is_test=is_test)
            demand(online == self.oracle.online(received_ns, is_test), f"other detectors are online: {sorted(online)}")
            noisy = self.engine.noisy_detectors(received_ns, is_test=is_test)
            demand(
                noisy == self.oracle.noisy_detectors(received_ns, is_test=is_test),
                f"other detectors are noisy: {sorted(noisy)}",
            )
        return outcome

    # What was said

    def _compare(self, outcome: Outcome, expected: Outcome) -> None:
        alike(outcome.disposition, expected.disposition, "disposition")
        alike(len(outcome.alerts), len(expected.alerts), f"number of alerts\n{outcome.alerts}\n{expected.alerts}\n")
        for alert, expected_alert in zip(outcome.alerts, expected.alerts, strict=True):
            alike(self._translated(alert, expected_alert), expected_alert, "alert")
        alike(sorted(outcome.lines, key=lambda line: line.line_id), list(expected.lines), "lines changed")
        alike(sorted(outcome.lines_gone), list(expected.lines_gone), "lines gone")
        alike(sorted(outcome.sublists_gone), list(expected.sublists_gone), "sublists gone")
        changed = sorted(outcome.sublists, key=lambda sublist: (sublist.cache, sublist.number))
        alike([self._in_our_words(sublist) for sublist in changed], list(expected.sublists), "sublists changed")

    def _translated(self, alert: Alert, expected: Alert) -> Alert:
        """Return the engine's alert with the oracle's identifiers, if they are the same under other names."""
        rates = alert.false_alarm_rate_per_year, expected.false_alarm_rate_per_year
        demand(isclose(*rates, rel_tol=1e-9), f"false alarm rate: {rates[0]}, expected {rates[1]}")
        if alert.alert_type is AlertType.INITIAL:
            self._name(alert.event_id, expected.event_id)
        self._name(alert.alert_uuid, expected.alert_uuid)
        return replace(
            alert,
            event_id=self._ours(alert.event_id),
            alert_uuid=self._ours(alert.alert_uuid),
            supersedes=alert.supersedes and self._ours(alert.supersedes),
            merged_event_ids=tuple(self._ours(event_id) for event_id in alert.merged_event_ids),
            false_alarm_rate_per_year=expected.false_alarm_rate_per_year,
        )

    def _as_oracle_knows_it(self, message: Message) -> Message:
        """Return what is said about events with the oracle's identifiers of them; new ones mean themselves."""
        if not isinstance(message, Reconcile):
            return message
        for sent in message.alerts:
            self._name(sent.event_id, sent.event_id)
            self._name(sent.alert_uuid, sent.alert_uuid)
        alerts = tuple(
            replace(sent, event_id=self._ours(sent.event_id), alert_uuid=self._ours(sent.alert_uuid))
            for sent in message.alerts
        )
        return replace(message, alerts=alerts, merged=tuple(map(self._ours, message.merged)))

    def _name(self, engines: str, oracles: str) -> None:
        """Note that a new identifier of the engine means this one of the oracle, unless either has a meaning."""
        if engines not in self._of_engine and oracles not in self._of_oracle:
            self._of_engine[engines], self._of_oracle[oracles] = oracles, engines

    def _ours(self, engines: str) -> str:
        return self._of_engine.get(engines, f"not {engines}")

    def _in_our_words(self, sublist: SublistRecord) -> SublistRecord:
        return replace(sublist, event_id=sublist.event_id and self._ours(sublist.event_id))

    def _check_alert(self, alert: Alert) -> None:
        """Check what holds of every alert, whatever the oracle says."""
        demand(len({member.detector_name for member in alert.members}) >= 2, f"one detector alone: {alert}")
        demand(all(alert.alert_uuid != earlier.alert_uuid for earlier in self.alerts), f"alert_uuid again: {alert}")
        previous = [earlier for earlier in self.alerts if earlier.event_id == alert.event_id]
        alike(alert.alert_type is AlertType.INITIAL, not previous, f"INITIAL begins an event: {alert}")
        alike(alert.revision, max((earlier.revision for earlier in previous), default=0) + 1, "revision")
        if previous:
            latest = max(reversed(previous), key=lambda earlier: earlier.revision)
            alike(alert.supersedes, latest.alert_uuid, "supersedes")
            is_over = isinstance(latest, Alert) and latest.alert_type is AlertType.RETRACTION
            demand(not is_over, f"a word after RETRACTION: {alert}")

    # How they stand

    def _check_state(self) -> None:
        alike(set(self.engine.caches), set(self.oracle.caches), "caches")
        for key, cache in self.engine.caches.items():
            lines, sublists = cache.lines(), cache.sublists()
            if self._seen.get(key) == (lines, sublists):
                continue
            self._seen[key] = lines, sublists
            alike(lines, self.oracle.caches[key].lines(), "live lines")
            ours = [self._in_our_words(sublist) for sublist in sublists]
            alike(ours, self.oracle.caches[key].sublists(), "sublists")
            self._check_numbers(key, {sublist.number for sublist in sublists})
            check_sublists(lines, sublists, self.oracle.parameters.coincidence_threshold_ns)
            assigned = assign_sublists(cache.frame, self.oracle.parameters.coincidence_threshold_ns)
            by_frame = [tuple(rows.index) for _, rows in assigned.groupby("sub_list_num")]
            alike(sorted(by_frame), sorted(sublist.line_ids for sublist in sublists), "sublists of the frame")

    def _check_numbers(self, key: CacheKey, present: set[int]) -> None:
        """Numbers count up and are never reused."""
        used = self._numbers_used[key]
        fresh = present - used
        demand(not used or not fresh or min(fresh) > max(used), f"numbers {sorted(fresh)} come after {sorted(used)}")
        self._numbers_used = {**self._numbers_used, key: used | present}


def check_sublists(lines: Sequence[LineRecord], sublists: Sequence[SublistRecord], threshold_ns: int) -> None:
    """Check what SPEC section 3 promises of the sublists of any cache."""
    times = {line.line_id: line.neutrino_time_ns for line in lines}
    names = {line.line_id: line.detector_name for line in lines}
    windows = [frozenset(sublist.line_ids) for sublist in sublists]
    for window in windows:
        span = max(times[line_id] for line_id in window) - min(times[line_id] for line_id in window)
        demand(span <= threshold_ns, f"sublist {sorted(window)} spans {span} ns")
        demand(not any(window < other for other in windows), f"sublist {sorted(window)} is inside another")
    demand(len(set(windows)) == len(windows), "a sublist is there twice")
    demand(frozenset(times) == frozenset().union(*windows), "an observation is in no sublist")
    for one, other in combinations(times, 2):
        if abs(times[one] - times[other]) <= threshold_ns:
            demand(any({one, other} <= window for window in windows), f"lines {one} and {other} share no sublist")
    for sublist in sublists:
        coincident = len({names[line_id] for line_id in sublist.line_ids}) >= 2
        alike(sublist.event_id is not None, coincident, f"a standing alert for sublist {sublist.number}")


def demand(condition: bool, otherwise: str) -> None:
    """Raise :class:`Disagreement` unless the condition holds."""
    if not condition:
        raise Disagreement(otherwise)


def alike(engines: object, expected: object, what: str) -> None:
    """Raise :class:`Disagreement` unless the engine's value is the expected one."""
    demand(engines == expected, f"{what}: {engines}\nexpected {expected}")
