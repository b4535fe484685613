"""What a person reads in Slack, and what Slack takes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from snews_cs.notify.slack_message import (
    HERE,
    LONGEST_TEXT,
    SlackMessage,
    alert_message,
    merged_message,
)
from snews_cs.notify.wording import PublishedAlert
from tests.notify.conftest import alert
from tests.support.slack_blocks import faults_of

EVENT = "5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11"
LINK = "https://snews2.org/events"
NOW_NS = int(datetime(2026, 11, 21, 12, 30, 11, tzinfo=UTC).timestamp()) * 10**9


def message(firedrill: bool = False, **changes: Any) -> SlackMessage:
    return alert_message(PublishedAlert.read(alert(**changes)), link=LINK, firedrill=firedrill, now_unix_ns=NOW_NS)


def shown(message: SlackMessage) -> list[str]:
    """Return what stands in each block, a table's rows with bars between their cells."""
    lines = []
    for block in message.blocks:
        match block["type"]:
            case "table":
                lines += [" | ".join(cell["text"] for cell in row) for row in block["rows"]]
            case "context":
                lines += [element["text"] for element in block["elements"]]
            case _:
                lines.append(block["text"]["text"])
    return lines


def test_an_initial_alert_is_told_whole() -> None:
    told = message()
    assert shown(told) == [
        "Supernova alert: 2 detectors coincide",
        "<!here> False alarm rate: one in 97 years, with 4 detectors online",
        "Detector | First neutrino (UTC) | After the first | p-value",
        "Super-K | 2026-11-21 12:30:00.000000000 | +0.000 s | 0.0123",
        "JUNO | 2026-11-21 12:30:09.000000000 | +9.000 s | \N{EN DASH}",
        f"Event {EVENT}, revision 1, server test server \N{MIDDLE DOT} <https://snews2.org/events|More>",
    ]
    assert [block["type"] for block in told.blocks] == ["header", "section", "table", "context"]


def test_who_has_it_read_out_hears_all_of_it() -> None:
    assert message().text.splitlines() == [
        "Supernova alert: 2 detectors coincide <!here>",
        "\N{BULLET} Super-K at 2026-11-21 12:30:00.000000000 (+0.000 s), p-value 0.0123",
        "\N{BULLET} JUNO at 2026-11-21 12:30:09.000000000 (+9.000 s), p-value \N{EN DASH}",
        "False alarm rate: one in 97 years, with 4 detectors online",
        f"Event {EVENT}, revision 1, server test server",
    ]


def test_what_is_special_is_told() -> None:
    told = message(
        alert_type="UPDATE",
        detector_flags={"JUNO": ["NOISY"]},
        retracted_detector_names=["LZ"],
        merged_event_ids=["a", "b"],
        degraded=True,
    )
    assert shown(told)[0] == "Supernova alert updated: 2 detectors coincide now"
    assert shown(told)[-2].splitlines() == [
        "\N{BULLET} JUNO is NOISY",
        "\N{BULLET} Withdrawn by: LZ",
        "\N{BULLET} Merged: takes the place of 2 events, a, b",
        "\N{BULLET} Sent while the server could not reach its store",
    ]


@pytest.mark.parametrize(
    ("changes", "firedrill", "rings"),
    [
        ({"alert_type": "INITIAL"}, False, True),
        ({"alert_type": "INITIAL", "is_pre_sn": True}, False, True),
        ({"alert_type": "INITIAL", "degraded": True}, False, True),
        ({"alert_type": "UPDATE"}, False, False),
        ({"alert_type": "RETRACTION"}, False, False),
        ({"alert_type": "TEST INITIAL"}, False, False),
        ({"alert_type": "TEST UPDATE"}, False, False),
        ({"alert_type": "INITIAL"}, True, False),
    ],
)
def test_it_rings_for_a_real_initial_alert_only(changes: dict[str, Any], firedrill: bool, rings: bool) -> None:
    told = message(firedrill=firedrill, **changes)
    assert (HERE in told.text) == (HERE in "\n".join(shown(told))) == rings
    assert (told.text + "".join(shown(told))).count("<!") == 2 * rings


@pytest.mark.parametrize(
    ("sent_time", "is_late"), [("2026-11-21T12:20:11Z", False), ("2026-11-21T09:00:00Z", True), (None, False)]
)
def test_a_late_message_says_so_and_does_not_ring(sent_time: str | None, *, is_late: bool) -> None:
    told = message(sent_time_utc=sent_time)
    late = "This message is late: the alert is of 3 hours ago."
    assert (HERE in told.text) == (HERE in shown(told)[1]) == (not is_late)
    assert shown(told)[1].startswith(f"{late} False alarm rate: ") == is_late
    assert (told.text.splitlines()[1] == late) == is_late


def test_a_late_retraction_says_so() -> None:
    told = message(alert_type="RETRACTION", sent_time_utc="2026-11-21T09:00:00Z")
    assert shown(told)[1] == "This message is late: the alert is of 3 hours ago."


def test_a_retraction_says_nothing_of_chance() -> None:
    told = message(alert_type="RETRACTION", revision=2, retracted_detector_names=["JUNO"])
    assert shown(told)[0] == "Supernova alert WITHDRAWN: the coincidence no longer stands"
    assert "rate" not in told.text + "".join(shown(told))
    assert "\N{BULLET} Withdrawn by: JUNO" in shown(told)


@pytest.mark.parametrize(
    ("firedrill", "alert_type", "begins"),
    [(False, "TEST INITIAL", "TEST, supernova"), (True, "INITIAL", "FIREDRILL, "), (True, "TEST UPDATE", "TEST, ")],
)
def test_an_exercise_says_so_first(firedrill: bool, alert_type: str, begins: str) -> None:
    told = message(firedrill=firedrill, alert_type=alert_type)
    assert shown(told)[0].startswith(begins)
    assert told.text.startswith(begins)


def test_marks_of_slack_are_shown_as_they_are() -> None:
    hostile = "<!channel> & *all*"
    told = message(
        alert_type="UPDATE",
        server_tag=hostile,
        detector_names=[hostile, "JUNO"],
        retracted_detector_names=[hostile],
        detector_flags={hostile: [hostile]},
        event_id=hostile,
    )
    read_by_slack = [
        line
        for block in told.blocks
        if block["type"] in ("section", "context")
        for line in shown(SlackMessage("", (block,)))
    ]
    assert "<!" not in told.text + "".join(read_by_slack)
    assert "&lt;!channel&gt; &amp; *all*" in told.text
    assert faults_of(list(told.blocks)) == []


@pytest.mark.parametrize("number", [2, 20, 99, 100])
def test_slack_takes_the_longest_alerts(number: int) -> None:
    names = [f"{'<' * 190} {index}" for index in range(number)]
    told = message(
        detector_names=names,
        neutrino_times=["2026-11-21T12:30:00.000000000Z"] * number,
        p_values=[1 / 3] * number,
        detectors_online=names,
        retracted_detector_names=names,
        merged_event_ids=names,
        detector_flags={name: ["NOISY"] for name in names},
        event_id="<" * 200,
        server_tag="<" * 200,
    )
    assert faults_of(list(told.blocks)) == []
    assert len(told.text) <= LONGEST_TEXT


def test_no_cell_is_empty() -> None:
    assert faults_of(list(message(detector_names=["", "JUNO"]).blocks)) == []


def test_a_head_line_is_all_that_an_edit_changes() -> None:
    told = message()
    edited = told.with_headline("WITHDRAWN: this & that")
    assert edited.blocks[0]["text"]["text"] == "WITHDRAWN: this & that"
    assert edited.blocks[1:] == told.blocks[1:]
    assert edited.text.splitlines()[0] == "WITHDRAWN: this &amp; that"
    assert edited.text.splitlines()[1:] == told.text.splitlines()[1:]


def test_a_long_head_line_is_cut() -> None:
    assert faults_of(list(message().with_headline("x" * 200).blocks)) == []


def test_a_message_can_be_noted_and_read_back() -> None:
    assert SlackMessage.from_json(message().to_json()) == message()


@pytest.mark.parametrize(
    ("permalink", "where"),
    [("https://snews.slack.com/p1", "<https://snews.slack.com/p1|event a&amp;b>"), (None, "event a&amp;b")],
)
def test_merged_is_said_as_merged(permalink: str | None, where: str) -> None:
    told = merged_message(PublishedAlert.read(alert(event_id="a&b")), line="MERGED: it", permalink=permalink)
    assert shown(told) == ["MERGED: it", f"Its observations count in {where} now; nothing more is said here."]
    assert faults_of(list(told.blocks)) == []
