"""Repeats of alerts: each must have a reason of its own."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from snews_cs.storage.entry import Entry
from tests.protocol.broker import ALERTS, TESTING, Broker, Written
from tests.protocol.invariants import alert_records
from tests.protocol.world import SECOND
from tests.support.readers import journaled_alerts

TOGETHER = "those with the store"
"""Who knows what a server has written that was not alone."""

BEFORE_NS = 4 * SECOND
"""How long before the first of two equal records the reason for the second may lie."""


class Repeat(NamedTuple):
    """A record, and the one that it repeats."""

    first: Written
    again: Written


def find_repeats(broker: Broker) -> list[Repeat]:
    """Return the records that repeat what their writer could know to be there, in order.

    That is what it wrote itself, and, unless it was alone, what others wrote that were not.
    """
    repeats = []
    for topic in (ALERTS, TESTING):
        known: defaultdict[str, dict[str, Written]] = defaultdict(dict)
        for record in alert_records(broker, topic):
            knowing = known[record.content["alert_uuid"]]
            first = knowing.get(record.writer) or (None if record.is_alone else knowing.get(TOGETHER))
            if first is not None:
                repeats.append(Repeat(first, record))
            for writer in (record.writer,) if record.is_alone else (record.writer, TOGETHER):
                knowing[writer] = record
    return sorted(repeats, key=lambda repeat: repeat.again.time_ns)


def check_repeats(
    repeats: Sequence[Repeat], entries: Iterable[Entry], troubles: Mapping[str, Sequence[tuple[int, int]]]
) -> None:
    """Check that every repeat has a reason: something that befell one of the two writers, and is no other's reason.

    Parameters
    ----------
    repeats
        All of them; those of one entry's alerts are one.
    entries
        The journal.
    troubles
        What befell each server: from when to when it was in doubt what was done, ns.
    """
    entry_of = {each.alert.alert_uuid: each.entry.sequence for each in journaled_alerts(entries)}
    excused: set[tuple[str, str | int]] = set()
    reasons = sorted((end_ns, start_ns, tag) for tag, spans in troubles.items() for start_ns, end_ns in spans)
    left = {is_test: list(reasons) for is_test in (False, True)}  # each topic has a queue of its own
    for first, again in repeats:
        name = again.content["alert_uuid"]
        what = (again.writer, entry_of.get(name, name))
        if what in excused:
            continue
        excused.add(what)
        mine = left[again.content["alert_type"].startswith("TEST")]
        for reason in mine:
            end_ns, start_ns, tag = reason
            if (
                tag in (first.writer, again.writer)
                and start_ns <= again.time_ns
                and end_ns >= first.time_ns - BEFORE_NS
            ):
                mine.remove(reason)
                break
        else:
            raise AssertionError(
                f"{name} was repeated at {again.time_ns / SECOND:.3f} by {again.writer}, and "
                f"there is no reason left in what befell it, or {first.writer} at {first.time_ns / SECOND:.3f}"
            )
