"""What people are told."""

from typing import Any

import pytest

from snews_cs.coincidence.content import alert_content
from snews_cs.coincidence.types import Alert, AlertType, CacheKey
from snews_cs.errors import MessageRefused
from snews_cs.messages.types import Member
from snews_cs.notify.wording import (
    PublishedAlert,
    alert_in_words,
    frequency_in_words,
    headline_of_event,
    headline_of_merged,
    members_of,
)
from tests.notify.conftest import alert


@pytest.mark.parametrize(
    ("rate_per_year", "words"),
    [
        (1 / 96.6, "one in 97 years"),
        (1 / 3.05, "one in 3 years"),
        (1 / 3.26, "one in 3.3 years"),
        (1.0, "one in 1 year"),
        (1 / 1234567, "one in 1,200,000 years"),
        (1e-12, "less than one in a billion years"),
        (0.0, "less than one in a billion years"),
        (12.0, "one in 30 days"),
        (365.25, "one in 1 day"),
        (365.25 * 4, "one in 6 hours"),
        (365.25 * 24 * 60, "one in 1 minute"),
        (1e9, "one in 0.00053 minutes"),
    ],
)
def test_rates_are_told_as_people_say_them(rate_per_year: float, words: str) -> None:
    assert frequency_in_words(rate_per_year) == words


def test_an_alert_is_told_whole() -> None:
    assert alert_in_words(PublishedAlert.read(alert())).splitlines() == [
        "Supernova alert: 2 detectors coincide",
        "\N{BULLET} Super-K at 2026-11-21 12:30:00.000000000 (+0.000 s), p-value 0.0123",
        "\N{BULLET} JUNO at 2026-11-21 12:30:09.000000000 (+9.000 s), p-value \N{EN DASH}",
        "False alarm rate: one in 97 years, with 4 detectors online",
        "Event 5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11, revision 1, server test server",
    ]


def test_a_leap_second_counts() -> None:
    times = ["2016-12-31T23:59:58Z", "2017-01-01T00:00:02Z"]
    assert [member.delay for member in members_of(PublishedAlert.read(alert(neutrino_times=times)))] == [
        "+0.000 s",
        "+5.000 s",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"alert_type": "UPDATE"}, "Supernova alert updated: 2 detectors coincide now"),
        ({"alert_type": "RETRACTION"}, "Supernova alert WITHDRAWN: the coincidence no longer stands"),
        ({"alert_type": "TEST INITIAL"}, "TEST, supernova alert: 2 detectors coincide"),
        ({"is_pre_sn": True}, "Pre-supernova alert: 2 detectors coincide"),
        ({"retracted_detector_names": ["JUNO"]}, "Withdrawn by: JUNO"),
        ({"detector_flags": {"JUNO": ["NOISY"]}}, "JUNO is NOISY"),
        ({"merged_event_ids": ["a", "b"]}, "Merged: takes the place of 2 events, a, b"),
        ({"degraded": True}, "Sent while the server could not reach its store"),
    ],
)
def test_what_is_special_is_told(changes: dict[str, Any], line: str) -> None:
    assert line in alert_in_words(PublishedAlert.read(alert(**changes))).splitlines()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"alert_type": "UPDATE", "revision": 3}, "Supernova alert: 2 detectors coincide now, revision 3 below"),
        ({"alert_type": "RETRACTION"}, "WITHDRAWN: supernova alert, the coincidence no longer stands"),
        ({"alert_type": "TEST RETRACTION"}, "TEST, WITHDRAWN: supernova alert, the coincidence no longer stands"),
        (
            {"alert_type": "RETRACTION", "is_pre_sn": True},
            "WITHDRAWN: pre-supernova alert, the coincidence no longer stands",
        ),
    ],
)
def test_the_head_line_of_an_event_says_how_it_stands(changes: dict[str, Any], line: str) -> None:
    told = PublishedAlert.read(alert(**changes))
    assert headline_of_event(told) == line
    if not told.is_test:
        assert headline_of_event(told, firedrill=True).casefold() == f"firedrill, {line}".casefold()


def test_of_a_merged_event_it_is_said() -> None:
    told = PublishedAlert.read(alert(alert_type="UPDATE"))
    assert headline_of_merged(told) == "MERGED: supernova alert, goes on in another event"


@pytest.mark.parametrize("is_test", [False, True])
def test_what_the_server_publishes_can_be_told(is_test: bool) -> None:
    members = tuple(Member(name, 1_700_000_037 * 10**9, 0.5, name) for name in ("JUNO", "LZ"))
    published = Alert(
        alert_type=AlertType.UPDATE,
        cache=CacheKey(is_test, is_pre_sn=False),
        sub_list_number=3,
        event_id="5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11",
        revision=2,
        supersedes=None,
        alert_uuid="9a1d0d4e-8f4d-5b5e-a4c5-2a3c8a3a7f10",
        members=members,
        retracted_detector_names=(),
        merged_event_ids=(),
        false_alarm_rate_per_year=0.01,
        detectors_online=("JUNO", "LZ"),
        noisy_detector_names=("LZ",),
        sent_time_ns=1_700_000_040 * 10**9,
    )
    words = alert_in_words(PublishedAlert.read(alert_content(published, server_tag="tag")))
    assert words.startswith("TEST, supernova" if is_test else "Supernova")
    assert "one in 100 years" in words
    assert "LZ is NOISY" in words


@pytest.mark.parametrize(
    "changes",
    [
        {"alert_uuid": None},
        {"detector_names": []},
        {"detector_names": ["JUNO"]},
        {"detector_names": "JUNO and others"},
        {"p_values": [float("nan"), 0.5]},
        {"false_alarm_rate_per_year": -1},
        {"false_alarm_rate_per_year": "N/A"},
        {"server_tag": "x" * 10_000},
    ],
)
def test_what_is_no_alert_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageRefused, match="not an alert of this server"):
        PublishedAlert.read(alert(**changes))
