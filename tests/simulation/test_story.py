"""The demonstration's reckoning: what came is held against what must come."""

import json
from pathlib import Path
from typing import Any

import pytest

from snews_cs.errors import SettingsError
from snews_cs.simulation.demo.story import Act, load_story
from snews_cs.simulation.scenario import Scenario


def alert(alert_type: str, *detectors: str) -> dict[str, Any]:
    return {"alert_type": alert_type, "detector_names": list(detectors)}


ACT = Act.model_validate(
    {
        "name": "act",
        "title": "An act",
        "why": "",
        "alerts": [{"alert": "INITIAL", "detectors": ["LVD", "JUNO"]}, {"alert": "UPDATE"}],
        "refused": 1,
    }
)
INITIAL, UPDATE = alert("INITIAL", "JUNO", "LVD"), alert("UPDATE", "JUNO", "LVD", "NOvA")


def test_all_as_it_must_be() -> None:
    assert ACT.faults([INITIAL, UPDATE], refused=1) == []


@pytest.mark.parametrize(
    ("delivered", "refused", "faults"),
    [
        ([INITIAL], 1, ["An act: UPDATE did not come"]),
        ([UPDATE], 1, ["An act: INITIAL of JUNO, LVD did not come"]),
        ([INITIAL, UPDATE, UPDATE], 1, ["An act: UPDATE of JUNO, LVD, NOvA was not expected"]),
        ([INITIAL, UPDATE], 0, ["An act: 0 messages were refused, not 1"]),
        (
            [alert("INITIAL", "JUNO"), UPDATE],
            1,
            ["An act: INITIAL of JUNO was not expected", "An act: INITIAL of JUNO, LVD did not come"],
        ),
        (
            [alert("TEST INITIAL", "JUNO", "LVD"), UPDATE],
            1,
            ["An act: TEST INITIAL of JUNO, LVD was not expected", "An act: INITIAL of JUNO, LVD did not come"],
        ),
    ],
)
def test_each_deviation_is_said(delivered: list[dict[str, Any]], refused: int, faults: list[str]) -> None:
    assert ACT.faults(delivered, refused) == faults


def test_the_story_shows_what_it_must() -> None:
    """Every client, each kind of alert, and a refusal; and every scenario in it can be played."""
    acts = load_story()
    for act in acts:
        Scenario.parse({"messages": act.messages}, act.name)
        assert bool(act.messages) is not bool(act.arguments)
    messages = [message for act in acts for message in act.messages]
    assert {message.get("client", "hop") for message in messages} == {
        "hop",
        "snews_pt-1.0",
        "snews_pt-1.2",
        "snews_pt-1.4",
        "snews_pt-3.0",
    }
    assert {act.by for act in acts} == {"snews_cs simulate", "hop publish", "hop publish -f JSON"}
    assert {expected.alert for act in acts for expected in act.alerts} == {"INITIAL", "UPDATE", "RETRACTION"}
    assert sum(act.refused for act in acts) == 1
    assert len({act.name for act in acts}) == len(acts)


def test_a_story_that_is_none_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    for content, reason in (("[1", "not JSON"), ('[{"name": "x"}]', "Field required"), (json.dumps({}), "tuple")):
        path.write_text(content)
        with pytest.raises(SettingsError, match=reason) as caught:
            load_story(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match="cannot read the story"):
        load_story(tmp_path / "missing.json")
