"""What a server may have sent while it was alone: a move of :class:`tests.coincidence.stage.Stage`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from snews_cs.coincidence.types import Alert, CacheKey
from snews_cs.messages.types import Member, Reconcile, SentAlone

if TYPE_CHECKING:
    from tests.coincidence.stage import Stage

Choose = Callable[[Sequence[Any]], Any]

UNHEARD = ("IceCube", "JUNO")
"""Whose observations only the server that was alone has heard of."""


def sent_alone(stage: "Stage", choose: Choose) -> Reconcile:
    """Return alerts of events that stand, that have ended, that never were."""
    is_test = choose((False, False, True))
    alerts = [each for each in stage.trial.alerts if isinstance(each, Alert) and each.cache.is_test == is_test]
    known, count = list({alert.event_id: alert for alert in alerts}.values()), choose((1, 1, 2, 3))
    sent = [choose((_sent_later, _sent_by_itself))(stage, choose, is_test, known) for _ in range(count)]
    merged = tuple(choose(known).event_id for _ in range(choose((0, 0, 1, 2))) if known)
    each_once = {(each.event_id, each.revision): each for each in sent if each}
    return Reconcile(is_test=is_test, alerts=tuple(each_once.values()), merged=merged)


def _sent_later(stage: "Stage", choose: Choose, is_test: bool, known: Sequence[Alert]) -> SentAlone | None:
    """Make one more alert of an event that has some; of one that has ended, never below what its readers know."""
    if not known:
        return None
    last = choose((choose(known), known[-1]))
    told = max(each.revision for each in stage.trial.alerts if each.event_id == last.event_id)
    steps: tuple[int, ...] = (0, 1, 1, 2)
    is_there = any(each.event_id == last.event_id for each in stage.trial.engine.caches[last.cache].sublists())
    if is_there and all(line.expires_ns > stage.now for line in stage.live(last.cache)):
        if choose((False, False, True)):
            return _sent(last, last.revision, last.alert_uuid)
        steps = (-1, *steps)
    return _sent(last, told + choose(steps), stage.fresh_uuid())


def _sent(last: Alert, revision: int, alert_uuid: str) -> SentAlone:
    return SentAlone(
        event_id=last.event_id,
        is_pre_sn=last.cache.is_pre_sn,
        sub_list_number=last.sub_list_number,
        revision=revision,
        alert_uuid=alert_uuid,
        members=last.members,
    )


def _sent_by_itself(stage: "Stage", choose: Choose, is_test: bool, known: Sequence[Alert]) -> SentAlone:
    """Make an alert of an event that the journal knows nothing of, about what is there or about something else."""
    key = CacheKey(is_test, choose((False, False, True)))
    there = [(line.detector_name, line.time_ns, line.p_value, line.message_uuid) for line in stage.live(key)]
    other = [(name, stage.scene, None, stage.fresh_uuid()) for name in UNHEARD]
    members = {name: Member(name, *rest) for name, *rest in (choose(there or other), choose(there or other), *other)}
    return SentAlone(
        event_id=stage.fresh_uuid(),
        is_pre_sn=key.is_pre_sn,
        sub_list_number=choose(range(4)),
        revision=choose((1, 2)),
        alert_uuid=stage.fresh_uuid(),
        members=tuple(members.values()),
    )
