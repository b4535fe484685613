"""The second definition of SPEC sections 2 to 5, beside ``definitions.py``; it knows nothing of the engine.

Every window is found by looking at every pair, every containment by comparing sets, every match of numbers by sorting
all pairs, every expiry by looking at all that is alive. Read it beside SPEC: the words are the same.
"""

from collections.abc import Iterable
from dataclasses import replace

from snews_cs.coincidence.types import Alert, AlertType, Beat, CacheKey, Disposition, Outcome
from snews_cs.messages.types import (
    HardReset,
    Heartbeat,
    Member,
    Message,
    Observation,
    Parameters,
    Reconcile,
    Retraction,
)
from tests.coincidence.definitions import (
    Alarm,
    Event,
    Line,
    OracleCache,
    Said,
    Window,
    accidental_rate_per_year,
    as_compared,
    detectors,
    distance,
    heir,
    is_noisy,
    made_of,
    maximal_windows,
    members,
    renumber,
)
from tests.coincidence.oracle_alone import put_readers_right

SECOND = 10**9
HOUR = 3600 * SECOND
WEEK = 7 * 24 * HOUR
CACHE_KEYS = [CacheKey(is_test, is_pre_sn) for is_test in (False, True) for is_pre_sn in (False, True)]


class Oracle:
    """Answers like the engine should."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self.caches = {key: OracleCache(key) for key in CACHE_KEYS}
        self.beats: list[Beat] = []
        self.told: dict[str, int] = {}
        self.obeyed: set[str] = set()
        self.next_line_id = 0
        self.arrivals = 0
        self.now = 0
        self.message_key = ""

    def copy(self) -> "Oracle":
        """Return another oracle in the same state."""
        twin = Oracle(self.parameters)
        twin.caches = {key: cache.copy() for key, cache in self.caches.items()}
        twin.beats = list(self.beats)
        twin.told = dict(self.told)
        twin.obeyed = set(self.obeyed)
        twin.next_line_id, twin.arrivals = self.next_line_id, self.arrivals
        return twin

    def apply(self, message: Message, received_ns: int, key: str) -> Outcome:
        """Decide about one accepted message; ``received_ns`` is its now, ``key`` its identity."""
        self.now, self.message_key = received_ns, key
        lines_before = {line.line_id: line for cache in self.caches.values() for line in cache.lines()}
        sublists_before = {(s.cache, s.number): s for cache in self.caches.values() for s in cache.sublists()}

        self._expire()
        self.arrivals += 1
        alerts: list[Alert] = []
        match message:
            case Observation():
                disposition, alerts = self._observe(self._cache_of(message), message)
            case Retraction():
                disposition, alerts = self._retract(self._cache_of(message), message)
            case Reconcile():
                disposition, alerts = Disposition.RECONCILED, put_readers_right(self, message)
            case Parameters():
                self._adopt(message)
                disposition = Disposition.NOTED
            case HardReset() if message.message_uuid in self.obeyed:
                disposition = Disposition.DUPLICATE
            case HardReset():
                self.obeyed.add(message.message_uuid)
                disposition = self._reset(message.is_test)
            case Heartbeat():
                self.beats.append(Beat(message.detector_name, message.is_test, message.status, received_ns))
                disposition = Disposition.NOTED
            case _:
                disposition = Disposition.NOTED

        lines = {line.line_id: line for cache in self.caches.values() for line in cache.lines()}
        sublists = {(s.cache, s.number): s for cache in self.caches.values() for s in cache.sublists()}
        moved = {line_id for line_id, line in lines.items() if line != lines_before.get(line_id)}
        changed = {
            place
            for place, sublist in sublists.items()
            if sublist != sublists_before.get(place) or moved.intersection(sublist.line_ids)
        }
        return Outcome(
            disposition=disposition,
            alerts=tuple(alerts),
            lines=tuple(lines[line_id] for line_id in sorted(moved)),
            lines_gone=tuple(sorted(lines_before.keys() - lines.keys())),
            sublists=tuple(sublists[place] for place in sorted(changed)),
            sublists_gone=tuple(sorted(sublists_before.keys() - sublists.keys())),
        )

    def _cache_of(self, message: Observation | Retraction) -> OracleCache:
        return self.caches[CacheKey(message.is_test, message.is_pre_sn)]

    # SPEC 2: what is over leaves, one at a time, and publishes nothing

    def _expire(self) -> None:
        while over := [
            (line.expires_ns, line.line_id, cache)
            for cache in self.caches.values()
            for line in cache.live.values()
            if self.now >= line.expires_ns
        ]:
            _, line_id, cache = min(over, key=lambda entry: entry[:2])
            del cache.live[line_id]
            self._regroup_silently(cache)

    def _adopt(self, parameters: Parameters) -> None:
        self.parameters = parameters
        for cache in self.caches.values():
            self._regroup_silently(cache)

    def _regroup_silently(self, cache: OracleCache) -> None:
        self._regroup(cache)
        for number in list(cache.standing):
            if len(detectors(cache.windows.get(number, ()), cache.live)) < 2:
                del cache.standing[number]

    def _regroup(self, cache: OracleCache) -> None:
        windows = maximal_windows(cache.live, self.parameters.coincidence_threshold_ns)
        cache.windows = dict(renumber(windows, cache.windows, cache.live, cache.next_number))
        cache.next_number = max([cache.next_number - 1, *cache.windows]) + 1

    # SPEC 3: what becomes of an observation

    def _observe(self, cache: OracleCache, message: Observation) -> tuple[Disposition, list[Alert]]:
        said = Said(message.detector_name, message.message_uuid, message.neutrino_time_ns, message.p_value)
        who = (message.detector_name, message.message_uuid)
        own = [line for line in cache.live.values() if line.detector_name == message.detector_name]

        asked_back = cache.waiting.pop(who, None)
        if asked_back is not None and self.now - asked_back <= 48 * HOUR:
            self._accept(cache, said)
            return Disposition.RETRACTED_BEFORE, []

        if said in cache.accepted and self.now - cache.accepted[said] <= 48 * HOUR:
            return Disposition.DUPLICATE, []

        self.beats.append(Beat(message.detector_name, message.is_test, "ON", self.now))
        self._accept(cache, said)
        counts_from = self.now if message.is_test else message.neutrino_time_ns
        if self.now - counts_from >= self.parameters.expiration_ns:
            return Disposition.EXPIRED, []

        arrived = (self.arrivals, message.message_uuid)
        for line in own:
            if (line.time_ns, line.p_value) == (message.neutrino_time_ns, message.p_value):
                cache.live[line.line_id] = replace(line, messages=(*line.messages, arrived))
                return Disposition.REPEATED, []

        near = [line for line in own if distance(line, message) <= self.parameters.refine_window_ns]
        nearest = min(near, key=lambda line: (distance(line, message), line.anchor_ns), default=None)
        line = Line(
            line_id=nearest.line_id if nearest else self.next_line_id,
            detector_name=message.detector_name,
            anchor_ns=nearest.anchor_ns if nearest else message.neutrino_time_ns,
            time_ns=message.neutrino_time_ns,
            p_value=message.p_value,
            message_uuid=message.message_uuid,
            received_ns=self.now,
            expires_ns=counts_from + self.parameters.expiration_ns,
            messages=(*(nearest.messages if nearest else ()), arrived),
        )
        if nearest is None:
            self.next_line_id += 1
            cache.alarms.append(Alarm(line.detector_name, line.line_id, self.now))
        alerts = self._change(cache, {**cache.live, line.line_id: line})
        return Disposition.REFINED if nearest else Disposition.OPENED, alerts

    def _accept(self, cache: OracleCache, said: Said) -> None:
        cache.accepted[said] = self.now
        cache.accepted_uuids.add((said.detector_name, said.message_uuid))

    def _retract(self, cache: OracleCache, message: Retraction) -> tuple[Disposition, list[Alert]]:
        own = [line for line in cache.live.values() if line.detector_name == message.detector_name]
        belonging = [(arrival, uuid, line.line_id) for line in own for arrival, uuid in line.messages]
        if message.retract_message_uuid is not None:
            targets = {line_id for _, uuid, line_id in belonging if uuid == message.retract_message_uuid}
        elif message.retract_latest_n == "ALL":
            targets = {line_id for _, _, line_id in belonging}
        else:
            latest = sorted(belonging, reverse=True)[: message.retract_latest_n]
            targets = {line_id for _, _, line_id in latest}

        if targets:
            left = {line_id: line for line_id, line in cache.live.items() if line_id not in targets}
            return Disposition.WITHDREW, self._change(cache, left, withdrawn=frozenset(targets))
        if message.retract_message_uuid is not None:
            who = (message.detector_name, message.retract_message_uuid)
            if who not in cache.accepted_uuids:
                cache.waiting[who] = self.now
                return Disposition.AWAITING, []
        return Disposition.NO_TARGET, []

    def _reset(self, is_test: bool) -> Disposition:
        for key, cache in self.caches.items():
            if key.is_test == is_test:
                self.caches[key] = OracleCache(key, next_number=cache.next_number)
        return Disposition.RESET

    # SPEC 4: one message is one change; compare the state just before it with the state after it

    def _change(self, cache: OracleCache, live: dict[int, Line], withdrawn: Window = frozenset()) -> list[Alert]:
        live_before, windows_before = cache.live, cache.windows
        cache.live = live
        self._regroup(cache)
        holding = {number: members(window, live) for number, window in cache.windows.items()}

        ended: list[int] = []
        merged: dict[int, list[str]] = {}
        for number, event in sorted(cache.standing.items()):
            if len(holding.get(number, ())) >= 2:
                continue
            others = {other: window for other, window in cache.windows.items() if other != number}
            into = heir(windows_before[number], detectors(windows_before[number], live_before), others, live)
            if into is not None:
                merged.setdefault(into, []).append(event.event_id)
                self.told[event.event_id] = event.revision - 1
                del cache.standing[number]
            else:
                ended.append(number)

        alerts: list[Alert] = []
        for number in ended:
            event = cache.standing.pop(number)
            self.told[event.event_id] = event.revision
            self.alert(
                alerts, cache, AlertType.RETRACTION, number, event, event.members, windows_before[number], withdrawn
            )
        for number in sorted(cache.windows):
            if len(holding[number]) < 2:
                continue
            event_before = cache.standing.get(number)
            merges = merged.get(number, [])
            if event_before is None:
                kind = AlertType.INITIAL
            else:
                kind = AlertType.UPDATE
                before = members(windows_before[number], live_before)
                if as_compared(before) == as_compared(holding[number]) and not merges:
                    continue
            cache.standing[number] = self.alert(
                alerts, cache, kind, number, event_before, holding[number], cache.windows[number], withdrawn, merges
            )
        return alerts

    def alert(
        self,
        alerts: list[Alert],
        cache: OracleCache,
        alert_type: AlertType,
        number: int,
        event: Event | None,
        listed: tuple[Line, ...],
        window: Window,
        withdrawn: Window,
        merges: Iterable[str] = (),
    ) -> Event:
        """Add one alert to ``alerts`` and return the event as it then stands."""
        named = tuple(Member(line.detector_name, line.time_ns, line.p_value, line.message_uuid) for line in listed)
        event_id = event.event_id if event else made_of(self.message_key, named)
        revision = event.revision + 1 if event else 1
        supersedes = event.alert_uuid if event else None
        merged_event_ids = tuple(merges)
        alert_uuid = made_of(event_id, revision, alert_type, supersedes, named, merged_event_ids)
        online = sorted(self.online(self.now, cache.key.is_test) | {line.detector_name for line in listed})
        alerts.append(
            Alert(
                alert_type=alert_type,
                cache=cache.key,
                sub_list_number=number,
                event_id=event_id,
                revision=revision,
                supersedes=supersedes,
                alert_uuid=alert_uuid,
                members=named,
                retracted_detector_names=tuple(
                    line.detector_name for line in (event.members if event else ()) if line.line_id in withdrawn
                ),
                merged_event_ids=merged_event_ids,
                false_alarm_rate_per_year=self._false_alarm_rate_per_year(cache, len(listed), online, window),
                detectors_online=tuple(online),
                noisy_detector_names=tuple(
                    line.detector_name for line in listed if self._is_noisy(cache, line.detector_name, window)
                ),
                sent_time_ns=self.now + len(alerts),
            )
        )
        return Event(event_id, revision, alert_uuid, listed)

    # Issue 3: noisy detectors

    def noisy_detectors(self, now_ns: int, *, is_test: bool) -> set[str]:
        """Return the detectors that an alert about something new would flag now."""
        self.now = now_ns
        noisy = set()
        for key, cache in self.caches.items():
            if key.is_test == is_test:
                announced = frozenset(line_id for number in cache.standing for line_id in cache.windows[number])
                names = {alarm.detector_name for alarm in cache.alarms}
                noisy |= {name for name in names if self._is_noisy(cache, name, announced)}
        return noisy

    def _is_noisy(self, cache: OracleCache, name: str, excepted: Window) -> bool:
        latest = [alarm for alarm in cache.alarms if alarm.detector_name == name][-24:]
        return is_noisy([alarm for alarm in latest if alarm.line_id not in excepted], self.now)

    # SPEC 5

    def online(self, now_ns: int, is_test: bool) -> set[str]:
        """Return the detectors whose last beat was ON and is younger than ``offline_after_ns``."""
        last = {beat.detector_name: beat for beat in self.beats if beat.is_test == is_test}
        return {
            name
            for name, beat in last.items()
            if beat.status == "ON" and now_ns - beat.received_ns < self.parameters.offline_after_ns
        }

    def _false_alarm_rate_per_year(
        self, cache: OracleCache, multiplicity: int, online: Iterable[str], window: Window
    ) -> float:
        rates = []
        for name in online:
            registered = self.parameters.background_rates_per_week.get(name, 1.0) / (WEEK / SECOND)
            others = [i for i, line in cache.live.items() if line.detector_name == name and i not in window]
            rates.append(max(registered, len(others) / (self.parameters.expiration_ns / SECOND)))
        return accidental_rate_per_year(multiplicity, rates, self.parameters.coincidence_threshold_ns / SECOND)
