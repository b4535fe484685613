"""What readers were told, held against the journal: the topics say what it says, and readers believe what it holds."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.storage.entry import Entry

Content = Mapping[str, Any]

MAY_DIFFER = {
    *("_id", "id", "sent_time", "sent_time_utc", "server_tag", "degraded", "detector_flags", "detectors_online"),
    *("false_alarm_rate_per_year", "false_alarm_prob", "False Alarm Prob"),
}
"""What two records of one alert need not have in common."""

ALONE_MAY_DIFFER = {"sub list number", "sub_list_number", "retracted_detector_names"}
"""What a server that is alone may say otherwise: it numbers sublists as it meets them, and of two retractions that end
one event it may have heard the other first."""


class Told(NamedTuple):
    """The alerts that were published, repeats and all, in order: the real ones, and those of tests."""

    alerts: Sequence[Content]
    tests: Sequence[Content]


class Journaled(NamedTuple):
    """An alert as the journal has it."""

    entry: Entry
    alert: Alert
    text: str


def journaled_alerts(entries: Iterable[Entry]) -> Iterator[Journaled]:
    """Yield the alerts of the journal, in order."""
    for entry in entries:
        if entry.outcome is not None:
            for alert, text in zip(entry.outcome.alerts, entry.alerts_json, strict=True):
                yield Journaled(entry, alert, text)


def comparable(content: Content) -> dict[str, Any]:
    """Return what all records of an alert have in common."""
    return {name: value for name, value in content.items() if name not in MAY_DIFFER}


def count_repeats(told: Told) -> int:
    """Return how many alerts repeat an earlier one; what servers publish that are alone is free."""
    return sum(
        len(together) - len(set(together))
        for together in ([each["alert_uuid"] for each in contents if not each["degraded"]] for contents in told)
    )


def check_told(entries: Iterable[Entry], told: Told) -> None:
    """Fail unless the topics say what the journal says, in its order, and beyond it only what was sent alone."""
    journaled = list(journaled_alerts(entries))
    for is_test, contents in enumerate(told):
        expected = {each.alert.alert_uuid: each for each in journaled if each.alert.cache.is_test == bool(is_test)}
        _check_topic(expected, contents)


def _check_topic(expected: Mapping[str, Journaled], contents: Sequence[Content]) -> None:
    first: dict[str, Content] = {}
    for content in contents:
        first.setdefault(content["alert_uuid"], content)
    missing = expected.keys() - first.keys()
    assert not missing, f"decided, and never published: {missing}"
    more = {name for name in first.keys() - expected.keys() if not first[name]["degraded"]}
    assert not more, f"published, and neither in the journal nor sent alone: {more}"
    for content in contents:
        name = content["alert_uuid"]
        known = json.loads(expected[name].text) if name in expected else first[name]
        differences = _differences(comparable(content), comparable(known))
        if content["degraded"] or first[name]["degraded"]:
            differences = {key: pair for key, pair in differences.items() if key not in ALONE_MAY_DIFFER}
        assert not differences, f"two contents: {name} {differences}"
    alone = {content["alert_uuid"] for content in contents if content["degraded"]}
    order = [name for name in first if name in expected and name not in alone]
    assert order == [name for name in expected if name not in alone], "not in the journal's order"
    revisions: dict[str, int] = {}
    for name in order:
        alert = expected[name].alert
        assert alert.revision > revisions.get(alert.event_id, 0), f"the revision goes down: {name}"
        revisions[alert.event_id] = alert.revision


def check_belief(entries: Sequence[Entry], engine: Engine, told: Told, forgotten: Collection[str] = ()) -> None:
    """Fail unless readers believe what the journal says.

    A reader takes of each event the highest revision, and of two equal ones the first.

    Parameters
    ----------
    engine
        As the journal leaves it.
    forgotten
        Events of which nobody can know what readers were told: the store, a disk and the server itself failed at once.
    """
    uuids = {(each.alert.event_id, each.alert.revision): each.alert.alert_uuid for each in journaled_alerts(entries)}
    last = {each.alert.event_id: each.alert.alert_uuid for each in journaled_alerts(entries)}
    standing = {
        sublist.event_id: uuids[sublist.event_id, sublist.revision]
        for cache in engine.caches.values()
        for sublist in cache.sublists()
        if sublist.event_id is not None and sublist.event_id not in forgotten
    }
    believed: dict[str, Content] = {}
    said_merged: dict[str, int] = {}
    believed_at: dict[str, int] = {}
    for place, content in enumerate([*told.alerts, *told.tests]):
        event_id = content["event_id"]
        if event_id not in believed or content["revision"] > believed[event_id]["revision"]:
            believed[event_id] = content
            believed_at[event_id] = place
        for merged in content["merged_event_ids"]:
            said_merged[merged] = place
    for event_id, alert_uuid in standing.items():
        assert event_id in believed, f"no reader knows of {event_id}"
        seen = believed[event_id]
        assert seen["alert_uuid"] == alert_uuid, f"{event_id} stands otherwise than readers believe: {seen}"
        assert said_merged.get(event_id, -1) < believed_at[event_id], f"{event_id} stands, and was said to be merged"
    for event_id, seen in believed.items():
        is_over = seen["alert_type"].endswith("RETRACTION") or event_id in said_merged or event_id in forgotten
        assert event_id in standing or is_over or seen["alert_uuid"] == last.get(event_id), (
            f"readers believe in {event_id}, and nobody told them otherwise: {seen}"
        )


def _differences(one: Content, other: Content) -> dict[str, tuple[Any, Any]]:
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}
