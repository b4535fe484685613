"""Which alerts follow from a change of sublists (the table of SPEC section 4)."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid5

from snews_cs.coincidence.beats import Beats
from snews_cs.coincidence.cache import Cache, Recut
from snews_cs.coincidence.noise import is_noisy
from snews_cs.coincidence.rates import accidental_rate_per_year, background_rate_hz
from snews_cs.coincidence.sublists import Line, Standing, Sublist
from snews_cs.coincidence.types import Alert, AlertType
from snews_cs.messages.types import Member, Nanoseconds, Parameters

EVENT_NAMESPACE = UUID("6f9d7b0e-3a65-5d0c-9a57-2f5d0a3f8c11")
"""Namespace of event ids: UUIDv5 of (journal key of the message that made the INITIAL, its members)."""

ALERT_NAMESPACE = UUID("0e1b7c52-8e1d-5b0a-8a4b-94a0c5f1d7e3")
"""Namespace of alert uuids: UUIDv5 of (event_id, revision, type, supersedes, members, merged_event_ids)."""

MIN_DETECTORS = 2
"""How many different detectors make a coincidence."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the alerts of one message depend on besides the sublists.

    Parameters
    ----------
    key
        Journal key of the message.
    received_ns
        When it was received.
    beats
        The last beat of each detector.
    withdrawn
        Numbers of the lines that this message, a retraction, took out.
    """

    key: str
    received_ns: Nanoseconds
    beats: Beats
    parameters: Parameters
    withdrawn: frozenset[int] = frozenset()

    def online(self, *, is_test: bool) -> frozenset[str]:
        """Return the detectors that are online."""
        return self.beats.online(self.received_ns, self.parameters.offline_after_ns, is_test=is_test)


class Decision(NamedTuple):
    """The alerts in the order of publishing, and the sublists with the alerts that now stand for them.

    ``told`` holds, of each event that ended or goes on in another, the revision up to which its readers know so. An
    alert of that revision may have a twin that was sent alone: a RETRACTION is above it, a merger is not.
    """

    alerts: list[Alert]
    after: list[Sublist]
    told: dict[str, int]


def close_silently(recut: Recut) -> Recut:
    """End the standing alerts of sublists below two detectors, publishing nothing (expiry)."""
    return Recut(recut.before, [_without_alert(each) if _lonely(each) else each for each in recut.after])


def decide(cache: Cache, recut: Recut, circumstances: Circumstances) -> Decision:
    """Compare the sublists before and after one message and say what is to be published."""
    writer = AlertWriter(cache, circumstances, [])
    before = {sublist.number: sublist for sublist in recut.before}
    after = {sublist.number: sublist for sublist in recut.after}
    lost = [
        (sublist, sublist.standing)
        for number, sublist in sorted(before.items())
        if sublist.standing is not None and (number not in after or _lonely(after[number]))
    ]
    for sublist, _ in lost:  # what it leaves may be in a sublist that begins too early to have been cut anew
        for near in cache.sublists_near(sublist.time_ns, circumstances.parameters.coincidence_threshold_ns):
            if near.number not in before:
                before[near.number] = after[near.number] = near
    merged: defaultdict[int, list[str]] = defaultdict(list)
    told: dict[str, int] = {}
    holders = _holders(after.values()) if lost else {}
    for sublist, standing in lost:
        heirs = {each.number: each for line in sublist.line_ids for each in holders.get(line, ())}
        heir = heir_of(sublist.detector_names, heirs.values())
        if heir is None:
            writer.retraction(sublist, standing)
            told[standing.event_id] = standing.revision
        else:
            merged[heir.number].append(standing.event_id)
            told[standing.event_id] = standing.revision - 1
    for number, sublist in sorted(after.items()):
        merges = tuple(merged[number])
        if _lonely(sublist):
            after[number] = _without_alert(sublist)
        elif sublist.standing is None:
            after[number] = writer.initial(sublist, merges)
        elif merges or _members(before[number]) != _members(sublist):
            after[number] = writer.update(sublist, sublist.standing, merges)
    return Decision(writer.alerts, list(after.values()), told)


def _holders(sublists: Iterable[Sublist]) -> dict[int, list[Sublist]]:
    """Return of each observation, by its line's number, the sublists that hold it."""
    holders: defaultdict[int, list[Sublist]] = defaultdict(list)
    for sublist in sublists:
        for line in sublist.lines:
            holders[line.number].append(sublist)
    return holders


def _lonely(sublist: Sublist) -> bool:
    return len(sublist.detector_names) < MIN_DETECTORS


def _without_alert(sublist: Sublist) -> Sublist:
    return sublist._replace(standing=None)


def _members(sublist: Sublist) -> list[tuple[str, Nanoseconds, float | None]]:
    return [(line.detector_name, line.time_ns, line.p_value) for line in sublist.member_lines()]


def heir_of(detectors: set[str], sublists: Iterable[Sublist]) -> Sublist | None:
    """Return the sublist in which the event of a lost one goes on, None if there is none.

    Two or more of its detectors still coincide there: the one with most of them, then the lowest number.

    Parameters
    ----------
    detectors
        Those of the lost one.
    sublists
        Those of now that hold an observation of it.
    """
    heirs = [
        (-shared, sublist.number, sublist)
        for sublist in sublists
        if (shared := len(detectors & sublist.detector_names)) >= MIN_DETECTORS
    ]
    return min(heirs)[2] if heirs else None


class AlertWriter:
    """Writes the alerts of one message about one cache, in order.

    Parameters
    ----------
    alerts
        Where it adds them; the writers of several caches may share it.
    """

    def __init__(self, cache: Cache, circumstances: Circumstances, alerts: list[Alert]) -> None:
        self.alerts = alerts
        self._cache = cache
        self._now = circumstances

    def initial(self, sublist: Sublist, merged: tuple[str, ...]) -> Sublist:
        """Announce a new event."""
        members = [_member(line) for line in sublist.member_lines()]
        event_id = _name(EVENT_NAMESPACE, self._now.key, members)
        return self._publish(AlertType.INITIAL, sublist, Standing(event_id, 0, "", (), ()), merged)

    def update(self, sublist: Sublist, standing: Standing, merged: tuple[str, ...]) -> Sublist:
        """Announce the next revision of an event: the one after ``standing``."""
        return self._publish(AlertType.UPDATE, sublist, standing, merged)

    def retraction(self, sublist: Sublist, standing: Standing) -> None:
        """Announce the end of an event, naming the members it was last published with."""
        self._append(AlertType.RETRACTION, sublist, standing, standing.members, ())

    def _publish(self, alert_type: AlertType, sublist: Sublist, standing: Standing, merged: tuple[str, ...]) -> Sublist:
        lines = sublist.member_lines()
        alert = self._append(alert_type, sublist, standing, tuple(_member(line) for line in lines), merged)
        return sublist._replace(
            standing=Standing(
                alert.event_id,
                alert.revision,
                alert.alert_uuid,
                alert.members,
                tuple(line.number for line in lines),
            )
        )

    def _append(
        self,
        alert_type: AlertType,
        sublist: Sublist,
        last: Standing,
        members: tuple[Member, ...],
        merged: tuple[str, ...],
    ) -> Alert:
        revision = last.revision + 1
        supersedes = last.alert_uuid or None
        names = {member.detector_name for member in members}
        online = sorted(self._now.online(is_test=self._cache.key.is_test) | names)
        alert = Alert(
            alert_type=alert_type,
            cache=self._cache.key,
            sub_list_number=sublist.number,
            event_id=last.event_id,
            revision=revision,
            supersedes=supersedes,
            alert_uuid=_name(ALERT_NAMESPACE, last.event_id, revision, alert_type, supersedes, members, merged),
            members=members,
            retracted_detector_names=tuple(
                member.detector_name
                for member, line in zip(last.members, last.member_lines, strict=True)
                if line in self._now.withdrawn
            ),
            merged_event_ids=merged,
            false_alarm_rate_per_year=self._false_alarm_rate(sublist, online, len(names)),
            detectors_online=tuple(online),
            noisy_detector_names=self._noisy(sublist, members),
            sent_time_ns=self._now.received_ns + len(self.alerts),
        )
        self.alerts.append(alert)
        return alert

    def _noisy(self, sublist: Sublist, members: tuple[Member, ...]) -> tuple[str, ...]:
        """Return the members with too many alarms besides those of this sublist."""
        alarms, lines, now_ns = self._cache.live.alarms, set(sublist.line_ids), self._now.received_ns
        names = (member.detector_name for member in members)
        return tuple(name for name in names if is_noisy(alarms.get(name, ()), lines, now_ns))

    def _false_alarm_rate(self, sublist: Sublist, online: list[str], detectors: int) -> float:
        """Rate of accidental coincidences of that many detectors, 1/year; lines of this sublist are no background."""
        parameters = self._now.parameters
        inside = Counter(line.detector_name for line in sublist.lines if line.number not in self._now.withdrawn)
        rates = [
            background_rate_hz(
                name,
                parameters.background_rates_per_week,
                self._cache.live.counts.get(name, 0) - inside[name],
                parameters.expiration_ns,
            )
            for name in online
        ]
        return accidental_rate_per_year(rates, detectors, parameters.coincidence_threshold_ns)


def _member(line: Line) -> Member:
    return Member(line.detector_name, line.time_ns, line.p_value, line.message_uuid)


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _name(namespace: UUID, *values: object) -> str:
    """Return the UUIDv5 of a list of values, written as JSON without blanks."""
    return str(uuid5(namespace, _encode(values)))
