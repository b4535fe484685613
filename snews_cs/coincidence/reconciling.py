"""What readers must be told of events whose alerts went out while a server was alone (SPEC section 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from snews_cs.coincidence.alerts import AlertWriter, Circumstances, heir_of
from snews_cs.coincidence.cache import Cache
from snews_cs.coincidence.sublists import Standing, Sublist
from snews_cs.coincidence.types import Alert, CacheKey
from snews_cs.messages.types import Nanoseconds, Reconcile, SentAlone

_NO_LINE = -1


class Announced(NamedTuple):
    """A sublist before and after its event was announced anew."""

    cache: Cache
    before: Sublist
    after: Sublist


class Reconciliation(NamedTuple):
    """What follows from a :class:`snews_cs.messages.types.Reconcile`.

    Parameters
    ----------
    alerts
        To publish, in this order.
    announced
        The sublists that have a new standing alert.
    told
        Of each event: the revision up to which its readers are right now, whoever sent it.
    """

    alerts: list[Alert]
    announced: list[Announced]
    told: dict[str, int]


@dataclass(slots=True)
class _Due:
    """A sublist whose event is to be announced anew; that supersedes ``last`` (None: the event is new)."""

    cache: Cache
    sublist: Sublist
    last: Standing | None
    merged: list[str] = field(default_factory=list)


def reconcile(
    message: Reconcile, caches: Mapping[CacheKey, Cache], told: Mapping[str, int], circumstances: Circumstances
) -> Reconciliation:
    """Say what is to be published so that readers believe what the journal says.

    An event that stands is announced as it stands. One that does not goes on in another, if two of its detectors
    still coincide there; else it ends. What readers know already, or were told before, is passed over; of several
    alerts of one event the highest revision counts.

    Parameters
    ----------
    caches
        All of them: the message says which it is about.
    told
        As in :class:`Reconciliation`, by everything that was applied before.
    """
    standing = {
        sublist.standing.event_id: (cache, sublist, sublist.standing)
        for key, cache in caches.items()
        if key.is_test == message.is_test
        for sublist in cache.live_sublists()
        if sublist.standing is not None
    }
    alerts: list[Alert] = []
    dues: dict[tuple[int, CacheKey], _Due] = {}
    newly_told: dict[str, int] = {}

    def announce(cache: Cache, sublist: Sublist) -> _Due:
        return dues.setdefault((sublist.number, cache.key), _Due(cache, sublist, sublist.standing))

    latest = {sent.event_id: sent for sent in sorted(message.alerts, key=lambda sent: sent.revision)}
    for sent in sorted(latest.values(), key=lambda sent: (sent.sub_list_number, sent.is_pre_sn, sent.revision)):
        if sent.revision <= told.get(sent.event_id, 0):
            continue
        newly_told[sent.event_id] = sent.revision
        if sent.event_id in standing:
            cache, sublist, last = standing[sent.event_id]
            if sent.revision >= last.revision and sent.alert_uuid != last.alert_uuid:
                announce(cache, sublist).last = _standing(sent)
        else:
            cache = caches[CacheKey(message.is_test, sent.is_pre_sn)]
            remains = _remains(cache, sent)
            heir = _heir(cache, remains, sent, circumstances.parameters.coincidence_threshold_ns)
            if heir is None:
                AlertWriter(cache, circumstances, alerts).retraction(remains, _standing(sent))
            else:
                announce(cache, heir).merged.append(sent.event_id)
    for event_id in message.merged:
        if event_id in standing:
            cache, sublist, _ = standing[event_id]
            announce(cache, sublist)

    announced = [
        Announced(due.cache, due.sublist, _announced(due, AlertWriter(due.cache, circumstances, alerts)))
        for _, due in sorted(dues.items(), key=lambda item: item[0])
    ]
    return Reconciliation(alerts, announced, newly_told)


def _announced(due: _Due, writer: AlertWriter) -> Sublist:
    merged = tuple(due.merged)
    if due.last is None:
        return writer.initial(due.sublist, merged)
    return writer.update(due.sublist, due.last, merged)


def _standing(sent: SentAlone) -> Standing:
    """Return an alert sent alone as one that stands; of which lines its members were is not known here."""
    return Standing(sent.event_id, sent.revision, sent.alert_uuid, sent.members, (_NO_LINE,) * len(sent.members))


def _remains(cache: Cache, sent: SentAlone) -> Sublist:
    """Return what is live of an alert's members: the lines that their messages went to."""
    lines = {
        line.number: line
        for member in sent.members
        for line in cache.lines_of_message((member.detector_name, member.message_uuid))
    }
    return Sublist(sent.members[0].neutrino_time_ns, sent.sub_list_number, tuple(sorted(lines.values())), None)


def _heir(cache: Cache, remains: Sublist, sent: SentAlone, threshold_ns: Nanoseconds) -> Sublist | None:
    """Return the sublist in which the event goes on, None if there is none."""
    holders = {each.number: each for line in remains.lines for each in cache.sublists_near(line.time_ns, threshold_ns)}
    return heir_of({member.detector_name for member in sent.members}, holders.values())
