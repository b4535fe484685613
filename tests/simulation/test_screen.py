"""What the demonstration shows cannot be spoilt by what somebody sends."""

import pytest

from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import DetectorMessage, Heartbeat, Retraction, Verdict
from snews_cs.simulation.demo.screen import Screen
from snews_cs.storage.entry import Entry

HOSTILE = "[/red]\x1b[31m\r"


def entry(message: DetectorMessage | None, *, reason: str | None = None) -> Entry:
    return Entry(
        sequence=1,
        key="key",
        received_ns=0,
        raw=RawMessage("topic", 0, 0, 0, (), b"{}"),
        message=message,
        verdict=Verdict(reason=reason),
        outcome=None,
        writer="test",
        attempt="1",
        claim="1",
        published=True,
    )


def test_markup_and_control_characters_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.message(entry(Heartbeat(detector_name=HOSTILE, message_uuid="1", status="ON")))
    screen.message(entry(Retraction(detector_name="LVD", message_uuid="1", retract_message_uuid=HOSTILE)))
    screen.message(entry(None, reason=f"{HOSTILE} is not a detector"))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "✗ refused: [/red]?[31m? is not a detector" in shown
    assert "[/red]?" in shown.splitlines()[1]
    assert "unreadable" in shown
