"""What must be true in the end, whatever happened."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.storage.entry import Entry
from tests.protocol.broker import ALERTS, TESTING, Broker, Written
from tests.protocol.store import Shelf

MAY_DIFFER = {
    *("_id", "id", "sent_time", "sent_time_utc", "server_tag", "degraded", "detector_flags", "detectors_online"),
    *("false_alarm_rate_per_year", "false_alarm_prob", "False Alarm Prob"),
}
"""What two records of one alert need not have in common."""

ALONE_MAY_DIFFER = {"sub list number", "sub_list_number", "retracted_detector_names"}
"""What a server that is alone may say otherwise: it numbers sublists as it meets them, and of two retractions that end
one event it may have heard the other first."""


class Journaled(NamedTuple):
    """An alert as the journal has it."""

    entry: Entry
    alert: Alert
    text: str

    @property
    def topic(self) -> str:
        """Where it belongs."""
        return TESTING if self.alert.cache.is_test else ALERTS


def check_journal(shelf: Shelf, broker: Broker, engine_class: type[Engine]) -> Engine:
    """Check the journal against the topic and against the engine's fold, and return the engine as it leaves it."""
    entries = shelf.entries
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    keys = [entry.key for entry in entries if entry.raw.partition >= 0]
    assert sorted(keys) == sorted(record.key for records in broker.records for record in records)
    engine = engine_class()
    for entry in entries:
        outcome = None
        if entry.verdict.accepted and entry.message is not None:
            outcome = engine.apply(entry.message, entry.received_ns, entry.key)
            engine.settle()
        assert outcome == entry.outcome, f"entry {entry.sequence} is not the engine's fold"
        alerts = outcome.alerts if outcome else ()
        assert [*map(_comparable, map(json.loads, entry.alerts_json))] == [
            _comparable(json.loads(alert_json(alert, server_tag=entry.writer))) for alert in alerts
        ], f"entry {entry.sequence}: the alerts to publish are not those that were decided"
    return engine


def check_projected(shelf: Shelf) -> None:
    """Check that the projections are at the journal's end, and all alerts marked."""
    assert shelf.projected == len(shelf.entries)
    assert not shelf.claims


def check_topics(shelf: Shelf, broker: Broker) -> None:
    """Check that what stands on the topics is what the journal says, in its order, and beyond it only sent alone."""
    journaled = list(journaled_alerts(shelf.entries))
    for topic in (ALERTS, TESTING):
        records = alert_records(broker, topic)
        first = first_appearances(records)
        expected = {each.alert.alert_uuid: each for each in journaled if each.topic == topic}
        missing = expected.keys() - first.keys()
        assert not missing, f"decided, and never published: {missing}"
        more = {name for name in first.keys() - expected.keys() if not first[name].content["degraded"]}
        assert not more, f"published, and neither in the journal nor sent alone: {more}"
        for record in records:
            name = record.content["alert_uuid"]
            known = expected[name].text if name in expected else json.dumps(first[name].content)
            differences = _differences(_comparable(record.content), _comparable(json.loads(known)))
            if record.content["degraded"] or first[name].content["degraded"]:
                differences = {key: pair for key, pair in differences.items() if key not in ALONE_MAY_DIFFER}
            assert not differences, f"two contents: {name} {differences}"
        alone = {each.content["alert_uuid"] for each in records if each.content["degraded"]}
        order = [name for name in first if name in expected and name not in alone]
        assert order == [name for name in expected if name not in alone], f"{topic}: not in the journal's order"
        revisions: dict[str, int] = {}
        for name in order:
            alert = expected[name].alert
            assert alert.revision > revisions.get(alert.event_id, 0), f"the revision goes down: {name}"
            revisions[alert.event_id] = alert.revision


def check_belief(shelf: Shelf, broker: Broker, engine: Engine) -> None:
    """Check that what readers believe is what the journal says.

    A reader takes of each event the highest revision, and of two equal ones the first. Where the store, a disk and the
    server itself all failed at once, nobody can know what readers were told.
    """
    standing = {
        event_id: alert_uuid
        for cache in engine.caches.values()
        for event_id, alert_uuid in _standing(cache, shelf.entries)
    }
    last = {each.alert.event_id: each.alert.alert_uuid for each in journaled_alerts(shelf.entries)}
    believed: dict[str, dict[str, Any]] = {}
    said_merged: dict[str, int] = {}
    believed_at: dict[str, int] = {}
    records = [record for topic in (ALERTS, TESTING) for record in alert_records(broker, topic)]
    for place, record in enumerate(records):
        content = record.content
        event_id = content["event_id"]
        if event_id not in believed or content["revision"] > believed[event_id]["revision"]:
            believed[event_id] = content
            believed_at[event_id] = place
        for merged in content["merged_event_ids"]:
            said_merged[merged] = place
    for event_id in broker.forgotten:
        standing.pop(event_id, None)
        believed.pop(event_id, None)
    for event_id, alert_uuid in standing.items():
        assert event_id in believed, f"no reader knows of {event_id}"
        seen = believed[event_id]
        assert seen["alert_uuid"] == alert_uuid, f"{event_id} stands otherwise than readers believe: {seen}"
        assert said_merged.get(event_id, -1) < believed_at[event_id], f"{event_id} stands, and was said to be merged"
    for event_id, seen in believed.items():
        is_over = seen["alert_type"].endswith("RETRACTION") or event_id in said_merged
        assert event_id in standing or is_over or seen["alert_uuid"] == last.get(event_id), (
            f"readers believe in {event_id}, and nobody told them otherwise: {seen}"
        )


def journaled_alerts(entries: Iterable[Entry]) -> Iterator[Journaled]:
    """Yield the alerts of the journal, in order."""
    for entry in entries:
        if entry.outcome is not None:
            for alert, text in zip(entry.outcome.alerts, entry.alerts_json, strict=True):
                yield Journaled(entry, alert, text)


def alert_records(broker: Broker, topic: str) -> list[Written]:
    """Return the alerts on a topic; answers to connection tests are passed over."""
    return [record for record in broker.written[topic] if "alert_uuid" in record.content]


def first_appearances(records: Iterable[Written]) -> dict[str, Written]:
    """Return the first record of each alert, in order."""
    first: dict[str, Written] = {}
    for record in records:
        first.setdefault(record.content["alert_uuid"], record)
    return first


def _comparable(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in MAY_DIFFER}


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


def _standing(cache: Any, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    for sublist in cache.sublists():
        if sublist.event_id is not None:
            yield sublist.event_id, _uuid_of(sublist.event_id, sublist.revision, entries)


def _uuid_of(event_id: str, revision: int, entries: list[Entry]) -> str:
    return next(
        each.alert.alert_uuid
        for each in journaled_alerts(entries)
        if (each.alert.event_id, each.alert.revision) == (event_id, revision)
    )
