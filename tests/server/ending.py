"""What must be true when all is done, however it came about: what readers believe is what the journal says."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.storage.entry import Entry
from tests.server.conftest import House
from tests.support.memory import MemoryPublisher
from tests.support.server import check_alert

MAY_DIFFER = frozenset(
    {
        *("_id", "id", "sent_time", "sent_time_utc", "server_tag", "degraded", "detectors_online", "detector_flags"),
        *("false_alarm_rate_per_year", "false_alarm_prob", "False Alarm Prob"),
    }
)
"""What two records of one alert need not have in common."""

MAY_DIFFER_ALONE = {"sub_list_number", "sub list number", "retracted_detector_names"}
"""What else a server that is alone may say otherwise: it does not know what came before in the journal."""


class Journaled(NamedTuple):
    """An alert as the journal has it."""

    alert: Alert
    text: str


def check_end(*houses: House) -> None:
    """Fail unless nothing is left to be done, and what is on the topics is what the journal of these servers says."""
    first = houses[0]
    store = first.storage.storage
    entries = list(store.entries())
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    engine = check_fold(entries)
    assert store.unpublished() == []
    assert store.projected() == len(entries)
    for house in houses:
        assert not house.is_alone
        assert len(house.outbox) == house.spool.depth == 0
        assert house.journal.sequence == len(entries)
        assert house.journal.engine.snapshot() == engine.snapshot()
    for topic in ("alerts", "testing"):
        journaled = {
            each.alert.alert_uuid: each
            for each in alerts_of(entries)
            if each.alert.cache.is_test == (topic == "testing")
        }
        check_topic(records(first.publisher, topic), journaled)
        check_belief(records(first.publisher, topic), engine, journaled)


def check_fold(entries: Iterable[Entry]) -> Engine:
    """Check that each outcome is what an engine makes of the journal, and return that engine."""
    engine = Engine()
    for entry in entries:
        outcome = None
        if entry.verdict.accepted and entry.message is not None:
            outcome = engine.apply(entry.message, entry.received_ns, entry.key)
            engine.settle()
        assert outcome == entry.outcome, f"entry {entry.sequence} is not the engine's fold"
    return engine


def check_topic(contents: list[dict[str, Any]], journaled: dict[str, Journaled]) -> None:
    """Check that what was decided is on its topic, and beyond it only what was sent alone; one uuid, one content."""
    assert journaled.keys() <= {content["alert_uuid"] for content in contents}, "decided, and not published"
    seen: dict[str, dict[str, Any]] = {uuid: json.loads(each.text) for uuid, each in journaled.items()}
    for content in contents:
        check_alert(content)
        assert content["degraded"] or content["alert_uuid"] in journaled, "published, and neither journaled nor alone"
        other = seen.setdefault(content["alert_uuid"], content)
        ignored = MAY_DIFFER | (MAY_DIFFER_ALONE if content["degraded"] or other["degraded"] else set())
        assert {
            name: (content[name], other[name]) for name in content if content[name] != other[name]
        }.keys() <= ignored


def check_belief(contents: list[dict[str, Any]], engine: Engine, journaled: dict[str, Journaled]) -> None:
    """Check what readers believe, who take of each event the highest revision, and of equal ones the first."""
    believed: dict[str, dict[str, Any]] = {}
    merged: set[str] = set()  # events said to go on in another one, and not heard of since
    for content in contents:
        event_id = content["event_id"]
        if event_id not in believed or content["revision"] > believed[event_id]["revision"]:
            believed[event_id] = content
            merged.discard(event_id)
        merged.update(content["merged_event_ids"])
    last = {each.alert.event_id: each.alert.alert_uuid for each in journaled.values()}
    standing = {
        sublist.event_id for cache in engine.caches.values() for sublist in cache.sublists() if sublist.event_id in last
    }
    for event_id, uuid in last.items():
        if event_id in standing:
            assert believed[event_id]["alert_uuid"] == uuid, f"readers believe otherwise: {believed[event_id]}"
            assert event_id not in merged, "readers expect no more of what stands"
    for event_id, content in believed.items():
        is_over = event_id in merged or content["alert_type"].endswith("RETRACTION")
        assert is_over or content["alert_uuid"] == last.get(event_id), f"readers believe in {content}"


def alerts_of(entries: Iterable[Entry]) -> list[Journaled]:
    """Return the alerts of entries, in order."""
    return [
        Journaled(alert, text)
        for entry in entries
        if entry.outcome is not None
        for alert, text in zip(entry.outcome.alerts, entry.alerts_json, strict=True)
    ]


def records(publisher: MemoryPublisher, topic: str) -> list[dict[str, Any]]:
    """Return the alerts on a topic, without the answers to connection tests."""
    return [content for content in publisher.contents(topic) if "alert_uuid" in content]
