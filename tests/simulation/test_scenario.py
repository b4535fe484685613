"""Scenarios: what a file says is what is sent; what is wrong with it is one line."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from snews_cs.coincidence.content import alert_content
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.errors import SettingsError
from snews_cs.messages.admission import AdmissionPolicy, read_message
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import Heartbeat, Observation, Retraction
from snews_cs.simulation.clients import Client
from snews_cs.simulation.cues import Cue
from snews_cs.simulation.scenario import Scenario
from tests.support.scenarios import ALERTS, CLIENTS_SCENARIOS, SCENARIOS

EPOCH = parse_utc("2026-11-21T12:30:00Z")
ETC = Path(__file__).parents[2] / "etc"


def cues(*messages: dict[str, Any]) -> list[Cue]:
    return list(Scenario.parse({"messages": messages}, "here").cues(EPOCH))


def observation(**fields: Any) -> dict[str, Any]:
    return {"kind": "observation", "detector": "LVD", "neutrino_time_s": 0, **fields}


def test_each_kind_of_message() -> None:
    seen, alive, withdrawn, raw = cues(
        observation(neutrino_time_s=-60, p_value=0.5, at_s=1, is_pre_sn=True, client="snews_pt-3.0", name="it"),
        {"kind": "heartbeat", "detector": "JUNO", "status": "OFF", "at_s": 2, "is_test": True},
        {"kind": "retraction", "detector": "LVD", "retract": "it", "reason": "oops", "at_s": 3.5},
        {"kind": "raw", "text": "hello?", "at_s": 4},
    )
    assert isinstance(seen.said, Observation)
    assert (seen.said.detector_name, seen.said.p_value, seen.said.is_pre_sn) == ("LVD", 0.5, True)
    assert (seen.said.neutrino_time_ns, seen.at_ns, seen.client) == (EPOCH - 60 * NS_PER_S, NS_PER_S, "snews_pt-3.0")
    assert isinstance(alive.said, Heartbeat)
    assert (alive.said.status, alive.is_test, alive.client) == ("OFF", True, "hop")
    assert isinstance(withdrawn.said, Retraction)
    assert (withdrawn.said.retract_message_uuid, withdrawn.said.reason) == (seen.said.message_uuid, "oops")
    assert withdrawn.at_ns == 3_500_000_000
    assert raw.said == "hello?"


def test_seconds_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(
        '{"messages": [{"kind": "observation", "detector": "LVD", "neutrino_time_s": 123456789.123456789},'
        '{"kind": "observation", "detector": "LVD", "neutrino_time_s": "-0.000000001"}]}'
    )
    times = [cue.said.neutrino_time_ns for cue in Scenario.load(path).cues(0) if isinstance(cue.said, Observation)]
    assert times == [123456789_123456789, -1]


def test_messages_are_sent_in_order_of_time_and_else_as_they_stand() -> None:
    said = [cue.said for cue in cues(observation(at_s=2, detector="A"), observation(detector="B"), observation())]
    assert [message.detector_name for message in said if isinstance(message, Observation)] == ["B", "LVD", "A"]


def test_all_can_be_made_tests() -> None:
    scenario = Scenario.parse({"messages": [observation()]}, "here")
    assert [cue.is_test for cue in scenario.cues(EPOCH, is_test=True)] == [True]
    assert [cue.is_test for cue in scenario.cues(EPOCH)] == [False]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (observation(p_value=1.5), "messages 0 p_value: Input should be less than or equal to 1"),
        (observation(detector=""), "messages 0 detector"),
        (observation(neutrino_time_s="soon"), "messages 0 neutrino_time_s: 'soon' is not a number of seconds"),
        (observation(neutrino_time_s="NaN"), "is not a number of seconds"),
        (observation(neutrino_time_s="0.0000000001"), "finer than a nanosecond"),
        (observation(neutrino_time_s=True), "is not a number of seconds"),
        (observation(at_s=-1), "messages 0 at_s"),
        (observation(client="snews_pt-9"), "messages 0 client"),
        (observation(p_val=0.1), "messages 0 p_val: Extra inputs are not permitted"),
        ({"kind": "observation", "detector": "LVD"}, "messages 0 neutrino_time_s: Field required"),
        ({"kind": "alert"}, "messages 0: Input tag 'alert'"),
        ({"kind": "retraction", "detector": "LVD"}, "give either retract or latest"),
        ({"kind": "retraction", "detector": "LVD", "latest": 0}, "messages 0 latest"),
        ({"kind": "retraction", "detector": "LVD", "retract": "it"}, "no message before it is called 'it'"),
        ({"kind": "raw"}, "messages 0 text: Field required"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_place(message: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        cues(message)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("scenario here: ")
    assert "\n" not in str(caught.value)


def test_two_messages_of_one_name() -> None:
    with pytest.raises(SettingsError, match="two messages are called 'it'"):
        cues(observation(name="it"), observation(name="it"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"[1", "not JSON"), (b"[]", "valid dictionary"), (b"\xff", "not JSON"), (None, "cannot read")],
)
def test_a_file_that_is_none(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=reason) as caught:
        Scenario.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_server_understands_the_scenarios_that_ship(name: str) -> None:
    registry = Registry.load()
    for cue in Scenario.load(SCENARIOS[name]).cues(EPOCH):
        outgoing = cue.outgoing(registry, EPOCH, message_id=bytes(16))
        if not isinstance(cue.said, str):
            headers = (("_id", outgoing.message_id),)
            message = decode(RawMessage("topic", 0, 0, 0, headers, outgoing.payload)).message
            assert (message.kind, message.message_uuid) == (cue.said.kind, cue.said.message_uuid)


@pytest.mark.parametrize(
    ("name", "client"),
    [
        *((name, None) for name in SCENARIOS),
        *product(CLIENTS_SCENARIOS.values(), ("hop", "snews_pt-1.2", "snews_pt-1.4", "snews_pt-3.0")),
    ],
)
def test_scenarios_raise_their_alerts_whatever_client_sends_them(name: str, client: Client | None) -> None:
    """Each message is decoded and decided as the server does it; None: with the clients that the file names."""
    registry, engine = Registry.load(), Engine()
    alerts: list[Alert] = []
    for offset, cue in enumerate(Scenario.load(SCENARIOS[name]).cues(EPOCH)):
        now_ns = EPOCH + cue.at_ns
        outgoing = replace(cue, client=client or cue.client).outgoing(registry, now_ns, message_id=bytes(16))
        raw = RawMessage("topic", 0, offset, -1, (("_id", outgoing.message_id),), outgoing.payload)
        reading = read_message(raw, now_ns, AdmissionPolicy(registry=registry))
        if reading.message is not None and reading.verdict.accepted:
            alerts += engine.apply(reading.message, now_ns, raw.key).alerts
    contents = [alert_content(alert, server_tag="") for alert in alerts]
    assert [(content["alert_type"], " ".join(content["detector_names"])) for content in contents] == ALERTS[name]


def test_it_is_known_what_comes_of_every_scenario() -> None:
    assert ALERTS.keys() == SCENARIOS.keys()
    assert set(CLIENTS_SCENARIOS.values()) <= ALERTS.keys()


@pytest.mark.parametrize("path", sorted((ETC / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_the_server_understands_the_examples(path: Path) -> None:
    message = decode(RawMessage("topic", 0, 0, 0, (), path.read_bytes())).message
    assert Registry.load().resolve(message.detector_name) is not None
    assert message.is_test is not isinstance(message, Heartbeat)
    assert json.loads(path.read_text())
