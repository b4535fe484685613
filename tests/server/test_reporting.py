"""What the log says of messages, for the person who watches."""

from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.messages.registry import Registry
from snews_cs.server.reporting import BACKLOG
from tests.server.conftest import PASSWORD, OpenHouse, said, seen


def command(word: str, **more: Any) -> dict[str, Any]:
    """Return a command with the password, as snews_pt sends it."""
    return {"_id": f"0_{word}", "pass": PASSWORD, "detector_name": "XENONnT", "meta": {}, **more}


def beat(detector: str, status: str, **more: Any) -> dict[str, Any]:
    return {"tier": "Heartbeat", "detector_name": detector, "detector_status": status, **more}


@pytest.fixture(autouse=True)
def _no_password_in_the_log(lines: list[EventDict]) -> Any:
    yield
    assert lines
    assert PASSWORD not in str(lines)


def test_each_message_is_a_line(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    lines.clear()
    house.say(
        seen("JUNO", p_val=0.5),
        seen("LVD", 30, is_test=True),
        {"tier": "Retraction", "detector_name": "JUNO", "retract_latest_n": 1},
        {"tier": "Retraction", "detector_name": "LVD", "retract_message_uuid": "x", "is_pre_sn": True},
        {"tier": "SignificanceTier", "detector_name": "JUNO", "p_values": [0.1], "t_bin_width_sec": 1},
        beat("JUNO", "ON"),
        b"junk",
    )
    info, warning = {"log_level": "info"}, {"log_level": "warning"}
    opened = {"event": "observation", "became": "opened", "sublists": [0], **info}
    first, second = "2026-11-21T12:29:00.000000000Z", "2026-11-21T12:29:30.000000000Z"
    retraction = {"event": "retraction", **info}
    assert lines == [
        {**opened, "detector": "JUNO", "neutrino_time": first, "p_value": 0.5},
        {**opened, "detector": "LVD", "neutrino_time": second, "p_value": None, "test": True},
        {**retraction, "became": "withdrew", "detector": "JUNO", "target": "latest 1"},
        {**retraction, "became": "awaiting", "detector": "LVD", "target": "x", "pre_sn": True},
        {"event": "message archived", "kind": "significance", "detector": "JUNO", **info},
        {
            "event": "message refused",
            "reason": "not JSON: Expecting value, character 0",
            "record": "experiments/0/6",
            **warning,
        },
    ]


def test_a_clock_that_is_ahead_is_a_warning(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(seen("JUNO", 65))
    (line,) = said(lines, "neutrino_time 2026-11-21T12:30:05.000000000Z is")
    assert line["event"].endswith("ahead of this server's clock")
    assert (line["record"], line["log_level"]) == ("experiments/0/0", "warning")
    assert len(said(lines, "observation")) == 1


def test_a_backlog_is_one_line_but_for_what_is_refused(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    lines.clear()
    house.say(*(seen("JUNO", -20 * number) for number in range(BACKLOG)))
    assert len(said(lines, "observation")) == BACKLOG
    assert said(lines, "backlog") == []
    lines.clear()
    house.say(
        *(seen("LVD", -20 * number) for number in range(BACKLOG)),
        b"junk",
        beat("LVD", "ON"),
        seen("LVD", is_firedrill=True),
        {"id": "0_test-connection", "detector_name": "LVD"},
        command("hard-reset"),
    )
    assert lines[0] == {
        "event": "backlog",
        "log_level": "info",
        "messages": BACKLOG + 5,
        "observation": BACKLOG,
        "heartbeat": 1,
        "test_connection": 1,
        "hard_reset": 1,
    }
    assert said(lines, "observation") == []
    assert [line["record"] for line in said(lines, "message refused")] == [
        f"experiments/0/{2 * BACKLOG}",
        f"experiments/0/{2 * BACKLOG + 2}",
    ]
    assert len(said(lines, "caches emptied")) == 1


def test_display_heartbeats(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(command("display-heartbeats"))
    assert said(lines, "heartbeats asked for") == [
        {"event": "heartbeats asked for", "log_level": "info", "detector": "XENONnT"}
    ]


@pytest.mark.parametrize(("more", "caches"), [({}, "real"), ({"is_test": True}, "tests")])
def test_hard_reset(open_house: OpenHouse, lines: list[EventDict], more: dict[str, Any], caches: str) -> None:
    house = open_house()
    house.say(seen("JUNO", **more), command("hard-reset", **more), seen("LVD", **more))
    (line,) = said(lines, "caches emptied by hard-reset")
    assert (line["detector"], line["caches"], line["log_level"]) == ("XENONnT", caches, "warning")
    assert house.publisher.attempts == []


def test_broker_change_is_not_supported(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(command("broker-change", new_broker=f"kafka://elsewhere?pass={PASSWORD}"))
    (line,) = said(lines, "broker-change is not supported")
    assert (line["detector"], line["log_level"]) == ("XENONnT", "warning")
    assert line["asked"].startswith("kafka://elsewhere")


def test_feedback_is_asked_for_and_somebody_else_mails_it(
    open_house: OpenHouse, lines: list[EventDict], tmp_path: Path
) -> None:
    registry = tmp_path / "registry.json"
    registry.write_text('[{"name": "XENONnT", "emails": ["shift@example.org"]}]')
    house = open_house(registry=Registry.load(registry))
    house.say(command("Get-Feedback", email="shift@example.org"), command("Get-Feedback", email="me@example.org"))
    (line,) = said(lines, "feedback asked for: run-feedback mails it")
    assert (line["detector"], line["log_level"]) == ("XENONnT", "info")
    (refused,) = said(lines, "message refused")
    assert "addresses" in refused["reason"]


@pytest.mark.parametrize("word", ["hard-reset", "display-heartbeats", "broker-change"])
def test_a_command_with_a_wrong_password_is_refused_and_has_no_effect(
    open_house: OpenHouse, lines: list[EventDict], word: str
) -> None:
    house = open_house()
    guess = PASSWORD.upper()
    house.say(seen("JUNO"), beat("LVD", "ON"))
    lines.clear()
    house.say({**command(word, new_broker="elsewhere"), "pass": guess})
    (line,) = lines
    assert (line["event"], line["reason"]) == ("message refused", f"{word} came with a wrong password")
    assert guess not in str(lines)
    house.say(seen("LVD"))
    assert len(house.publisher.uuids()) == 1


def test_a_recorded_command_that_is_sent_again_is_refused_also_after_a_restart(
    open_house: OpenHouse, lines: list[EventDict]
) -> None:
    house = open_house()
    recorded = [command(word, uuid=word, new_broker="x") for word in ("hard-reset", "display-heartbeats")]
    house.say(*recorded)
    house = open_house()
    house.say(seen("JUNO"), beat("LVD", "ON"))
    lines.clear()
    house.say(*recorded, recorded[0])
    warning = {"event": "command refused: this very message came before", "log_level": "warning", "detector": "XENONnT"}
    assert [{**line, "record": ""} for line in lines] == [
        {**warning, "command": word, "record": ""} for word in ("hard-reset", "display-heartbeats", "hard-reset")
    ]
    house.say(seen("LVD"))
    assert len(house.publisher.uuids()) == 1


def test_a_flood_of_refused_messages_does_not_fill_the_log(open_house: OpenHouse, lines: list[EventDict]) -> None:
    """Their reasons are in the quarantine, all of them; an attempt at a command is logged wherever it stands."""
    house = open_house()
    lines.clear()
    attempt = {**command("hard-reset"), "pass": "a guess"}
    house.say(*[b"junk"] * (BACKLOG + 50), attempt, *[b"junk"] * 10)
    refused = said(lines, "message refused")
    assert len(refused) == BACKLOG + 1
    assert refused[-1]["reason"] == "hard-reset came with a wrong password"
    assert [line["messages"] for line in said(lines, "more messages refused")] == [60]
    assert len(house.rows("quarantine")) == BACKLOG + 61
