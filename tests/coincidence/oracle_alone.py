"""The second definition of SPEC section 6, alerts sent alone: readers are told what the journal says."""

from typing import TYPE_CHECKING

from snews_cs.coincidence.types import Alert, AlertType, CacheKey
from snews_cs.messages.types import Reconcile, SentAlone
from tests.coincidence.definitions import Event, Line, heir, members

if TYPE_CHECKING:
    from tests.coincidence.oracle import Oracle


def put_readers_right(oracle: "Oracle", message: Reconcile) -> list[Alert]:
    """Return the alerts that follow, and let what they announce stand."""
    alerts: list[Alert] = []
    anew: dict[tuple[int, CacheKey], tuple[Event | None, list[str]]] = {}
    stands = {
        event.event_id: (number, key, event)
        for key, cache in oracle.caches.items()
        if key.is_test == message.is_test
        for number, event in cache.standing.items()
    }
    for sent in sorted(message.alerts, key=lambda sent: (sent.sub_list_number, sent.is_pre_sn, sent.revision)):
        if any(other.event_id == sent.event_id and other.revision > sent.revision for other in message.alerts):
            continue
        if sent.revision <= oracle.told.get(sent.event_id, 0):
            continue
        oracle.told[sent.event_id] = sent.revision
        if sent.event_id in stands:
            number, key, event = stands[sent.event_id]
            if sent.revision >= event.revision and sent.alert_uuid != event.alert_uuid:
                anew[number, key] = (sent_event(sent), anew.get((number, key), (None, []))[1])
            continue
        cache = oracle.caches[CacheKey(message.is_test, sent.is_pre_sn)]
        said = {(member.detector_name, member.message_uuid) for member in sent.members}
        left = frozenset(
            line.line_id
            for line in cache.live.values()
            if any((line.detector_name, uuid) in said for _, uuid in line.messages)
        )
        into = heir(left, {name for name, _ in said}, cache.windows, cache.live)
        if into is None:
            event = sent_event(sent)
            oracle.alert(
                alerts, cache, AlertType.RETRACTION, sent.sub_list_number, event, event.members, left, frozenset()
            )
        else:
            _, merges = anew.setdefault((into, cache.key), (cache.standing.get(into), []))
            merges.append(sent.event_id)
    for event_id in message.merged:
        if event_id in stands:
            number, key, event = stands[event_id]
            anew.setdefault((number, key), (event, []))

    for (number, key), (last, merges) in sorted(anew.items(), key=lambda item: item[0]):
        cache, window = oracle.caches[key], oracle.caches[key].windows[number]
        kind = AlertType.UPDATE if last else AlertType.INITIAL
        cache.standing[number] = oracle.alert(
            alerts, cache, kind, number, last, members(window, cache.live), window, frozenset(), merges
        )
    return alerts


def sent_event(sent: SentAlone) -> Event:
    """Return an event as the last alert of it says that was sent alone; its members are no lines of ours."""
    lines = tuple(
        Line(
            line_id=-1,
            detector_name=member.detector_name,
            anchor_ns=member.neutrino_time_ns,
            time_ns=member.neutrino_time_ns,
            p_value=member.p_value,
            message_uuid=member.message_uuid,
            received_ns=0,
            expires_ns=0,
            messages=(),
        )
        for member in sent.members
    )
    return Event(sent.event_id, sent.revision, sent.alert_uuid, lines)
