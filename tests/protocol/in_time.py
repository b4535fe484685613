"""Whether alerts went out in time: whenever a single server could do its work, whatever became of the others."""

from collections.abc import Iterator, Sequence

from tests.protocol.broker import ALERTS, TESTING, Broker
from tests.protocol.invariants import alert_records, first_appearances
from tests.protocol.machine import Machine
from tests.protocol.store import Shelf
from tests.protocol.weather import Link
from tests.protocol.world import SECOND
from tests.support.readers import journaled_alerts

IN_TIME_NS = 3 * SECOND
"""How long an alert may take after its observation has reached the broker, with one server lost meanwhile."""

TAKEN_OVER_NS = 2_200 * SECOND // 1_000
"""How much longer for each further server that is lost on the way."""

START_NS = SECOND // 2
"""How long a server needs to start."""

BACKOFF_NS = 10 * SECOND
"""How long a server may wait after it was not answered before it tries again."""


def check_in_time(machines: Sequence[Machine], broker: Broker, shelf: Shelf) -> None:
    """Check that every alert went out in time after the message that made it, if any server was able.

    Where a server lacks the broker, it holds up the others until they take over, again and again: that is not judged.
    """
    for each in journaled_alerts(shelf.entries):
        raw = each.entry.raw
        if raw.partition < 0:
            continue
        said_ns = broker.arrivals_ns[raw.partition][raw.offset]
        topic = TESTING if each.alert.cache.is_test else ALERTS
        published_ns = first_appearances(alert_records(broker, topic))[each.alert.alert_uuid].time_ns
        allowed_ns = _allowed_ns(machines, said_ns)
        span = said_ns - START_NS, said_ns + allowed_ns
        if any(_lacks(machine, "broker", *span) for machine in machines):
            continue
        able = [machine.tag for machine in machines if _is_able(machine, *span)]
        assert published_ns - said_ns <= allowed_ns or not able, (
            f"{each.alert.alert_type} {each.alert.alert_uuid} went out at {published_ns / SECOND:.3f}, its message "
            f"came at {said_ns / SECOND:.3f}, and {able} could do their work"
        )


def _allowed_ns(machines: Sequence[Machine], said_ns: int) -> int:
    """Return how long an alert may take: the longer, the more servers are lost meanwhile, or were just before."""
    allowed_ns = IN_TIME_NS
    while True:
        end_ns = said_ns + allowed_ns
        lost = sum(1 for machine in machines for _ in _absences(machine, said_ns - IN_TIME_NS, end_ns))
        needed_ns = IN_TIME_NS + max(0, lost - 1) * TAKEN_OVER_NS
        if needed_ns == allowed_ns:
            return allowed_ns
        allowed_ns = needed_ns


def _is_able(machine: Machine, start_ns: int, end_ns: int) -> bool:
    """Whether a server was there all the time, and had the store."""
    is_alone = any(start_ns <= time_ns <= end_ns for time_ns in machine.alone_ns)
    return (
        start_ns > 0
        and not is_alone
        and not _lacks(machine, "store", start_ns, end_ns)
        and not any(_absences(machine, start_ns, end_ns))
    )


def _lacks(machine: Machine, link: Link, start_ns: int, end_ns: int) -> bool:
    """Whether a server got no answer, or would have got none, or may still wait before it asks again."""
    return any(start_ns - BACKOFF_NS <= time_ns <= end_ns for time_ns in machine.unanswered_ns[link]) or any(
        outage.link == link
        and outage.server in (None, machine.number)
        and outage.start_ns <= end_ns
        and outage.end_ns >= start_ns
        for outage in machine.weather.outages
    )


def _absences(machine: Machine, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    return (absence for absence in machine.absent_ns if absence[0] <= end_ns and absence[1] >= start_ns)
