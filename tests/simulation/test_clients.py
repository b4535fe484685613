"""What the simulated detectors send is what the released clients send, and the server understands it."""

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest

from snews_cs.errors import SettingsError
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import Heartbeat, Observation, Retraction
from snews_cs.messages.unpickle import unpickle
from snews_cs.simulation.clients import Client, Outgoing, Said, write
from snews_cs.simulation.pickles import model_pickle

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
NOW = parse_utc("2026-11-21T06:41:16.774627000Z")
UUID_TEXT = str(UUID(int=7))
OBSERVATION = Observation(
    detector_name="XENONnT", message_uuid=UUID_TEXT, neutrino_time_ns=NOW - 12_001_002_000, p_value=0.07
)
RETRACTION = Retraction(detector_name="XENONnT", message_uuid=UUID_TEXT, retract_latest_n=1, reason="calib")
HEARTBEAT = Heartbeat(detector_name="XENONnT", message_uuid=UUID_TEXT, status="ON")


def sent(message: Said, client: Client) -> Outgoing:
    return write(message, client, number=19, now_ns=NOW)


def understood(outgoing: Outgoing) -> object:
    headers = (("_id", outgoing.message_id), ("_format", outgoing.format.encode()))
    return decode(RawMessage("topic", 0, 0, 0, headers, outgoing.payload)).message


def sample(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())["records"][0]
    return record


@pytest.mark.parametrize("client", get_args(Client))
@pytest.mark.parametrize("message", [OBSERVATION, RETRACTION, HEARTBEAT], ids=lambda message: message.kind)
def test_the_server_understands_what_was_said(message: Said, client: Client) -> None:
    if client == "snews_pt-1.2" and message is not OBSERVATION:
        with pytest.raises(SettingsError, match="cannot send"):
            sent(message, client)
        return
    heard = understood(sent(message, client))
    assert isinstance(heard, Observation | Retraction | Heartbeat)
    assert replace(heard, machine_time_ns=None, sent_time_ns=None) == message


@pytest.mark.parametrize(
    ("client", "name", "message"),
    [
        ("snews_pt-1.0", "snews_pt-1.0.0_coincidence", OBSERVATION),
        ("snews_pt-1.0", "snews_pt-1.0.0_heartbeat", HEARTBEAT),
        ("snews_pt-1.0", "snews_pt-1.0.0_retraction", RETRACTION),
        ("snews_pt-1.2", "snews_pt-1.2.0_coincidence", OBSERVATION),
        ("snews_pt-1.4", "snews_pt-1.4.0_coincidence", OBSERVATION),
        ("snews_pt-1.4", "snews_pt-1.4.0_heartbeat", HEARTBEAT),
        ("snews_pt-1.4", "snews_pt-1.4.0_retraction", RETRACTION),
    ],
)
def test_json_has_the_fields_of_the_captured_one_in_form_and_order(client: Client, name: str, message: Said) -> None:
    captured = sample(name)["payload_json"]
    written = json.loads(sent(message, client).payload)
    assert list(written) == list(captured)
    for field, value in captured.items():
        if field.endswith("time") and value is not None:
            assert len(written[field]) == len(value)
        if field in ("schema_version", "which_tier", "retraction_reason", "N_retract_latest", "retract_latest"):
            assert written[field] == value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("snews_pt-3.0.0_coincidence", OBSERVATION),
        ("snews_pt-3.0.0_heartbeat", HEARTBEAT),
        ("snews_pt-3.0.0_retraction_latest", RETRACTION),
    ],
)
def test_a_pickle_has_the_fields_of_the_captured_one(name: str, message: Said) -> None:
    record = sample(name)
    captured = unpickle(base64.b64decode(record["payload_base64"]))
    written = unpickle(sent(message, "snews_pt-3.0").payload)
    assert written.class_name == captured.class_name
    assert list(written.fields) == list(captured.fields)
    assert unpickle(model_pickle(captured.class_name, captured.fields)) == captured


@pytest.mark.client
@pytest.mark.parametrize("message", [OBSERVATION, RETRACTION, HEARTBEAT], ids=lambda message: message.kind)
def test_the_released_client_reads_our_pickles_as_its_own(message: Said, client_bin: Path) -> None:
    """Unpickled by the real classes, it is a message that pickles to the very model that the client would send."""
    program = (
        "import pickle, sys; m = pickle.load(sys.stdin.buffer);"
        "again = type(m)(**m.model_dump()); assert again == m, (again, m); print(m.model_dump_json())"
    )
    payload = sent(message, "snews_pt-3.0").payload
    answer = subprocess.run([client_bin / "python", "-c", program], input=payload, capture_output=True, check=True)
    assert json.loads(answer.stdout) == unpickle(payload).fields


def test_what_a_client_cannot_say_is_one_line() -> None:
    by_uuid = replace(RETRACTION, retract_message_uuid=UUID_TEXT, retract_latest_n=None)
    unsayable: list[tuple[Said, Client, str]] = [
        (replace(OBSERVATION, is_test=True), "snews_pt-1.0", "cannot mark a message as a test"),
        (replace(OBSERVATION, is_pre_sn=True), "snews_pt-1.4", "pre-supernova"),
        (by_uuid, "snews_pt-1.4", "by its uuid"),
        (replace(RETRACTION, retract_latest_n="ALL"), "snews_pt-3.0", "ALL"),
    ]
    for message, client, reason in unsayable:
        with pytest.raises(SettingsError, match=reason):
            sent(message, client)
    with pytest.raises(SettingsError, match="has none"):
        write(OBSERVATION, "snews_pt-1.0", number=None, now_ns=NOW)


@pytest.mark.parametrize("client", ["hop", "snews_pt-1.2", "snews_pt-1.4", "snews_pt-3.0"])
def test_a_test_arrives_as_one(client: Client) -> None:
    heard = understood(sent(replace(OBSERVATION, is_test=True), client))
    assert isinstance(heard, Observation)
    assert heard.is_test


@pytest.mark.parametrize("client", ["hop", "snews_pt-1.0", "snews_pt-1.2", "snews_pt-3.0"])
def test_pre_supernova_neutrinos_arrive_as_such(client: Client) -> None:
    heard = understood(sent(replace(OBSERVATION, is_pre_sn=True), client))
    assert isinstance(heard, Observation)
    assert heard.is_pre_sn
