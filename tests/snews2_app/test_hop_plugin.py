"""The first application's message formats, as hop finds and uses them."""

import json
import logging
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from hop.io import Deserializer, Producer
from hop.models import Blob, format_name

from snews_cs.snews2_app.hop_plugin import SNEWSAlert, SNEWSHeartbeat, SNEWSObservation
from tests.support.samples import sample

MODELS = [
    pytest.param(SNEWSObservation, "hop-SNalert-app_observation", id="observation"),
    pytest.param(SNEWSHeartbeat, "hop-SNalert-app_heartbeat", id="heartbeat"),
    pytest.param(SNEWSAlert, "hop-SNalert-app_alert", id="alert"),
]
every_model = pytest.mark.parametrize(("model", "captured"), MODELS)


class Arrived(Message):
    """A record as confluent_kafka hands it to hop."""

    def __init__(self, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self._value, self._headers = value, headers

    def value(self, payload: Any = None) -> bytes:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:  # type: ignore[override]
        return self._headers


@every_model
def test_hop_reads_what_the_first_application_wrote(model: type[Any], captured: str) -> None:
    found = sample(captured)
    message = Deserializer.deserialize(Arrived(found.value, [(name, value or b"") for name, value in found.headers]))
    assert message == model(**found.fields)


@every_model
def test_hop_writes_what_the_first_application_wrote(model: type[Any], captured: str) -> None:
    found = sample(captured)
    value, headers = Producer.pack(model(**found.fields))
    assert json.loads(value) == found.fields
    assert list(json.loads(value)) == list(found.fields)
    assert dict(headers)["_format"] == dict(found.headers)["_format"] == format_name(model).encode()


@every_model
def test_hop_reads_the_envelope_of_its_early_versions(model: type[Any], captured: str) -> None:
    content = {"format": format_name(model), "content": sample(captured).fields}
    assert Deserializer.deserialize(Arrived(json.dumps(content).encode(), [])) == model(**sample(captured).fields)


@every_model
def test_hop_loads_a_file(model: type[Any], captured: str, tmp_path: Path) -> None:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(sample(captured).fields | {"is_test": True}))
    message = Deserializer[format_name(model).upper()].load_file(path)
    assert asdict(message) == sample(captured).fields


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"message_id": "x", "content": "y"}', "a snewsalert without sent_time, machine_time"),
        ("[]", "a snewsalert is a JSON object"),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_such_message_is_said_to_who_publishes_it(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SNEWSAlert.load(text)


@pytest.mark.parametrize("value", [b"{}", b"\xff", b"[" * 100_000, b""])
def test_what_is_no_such_message_is_a_blob_to_who_reads_it(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = Deserializer.deserialize(Arrived(value, [("_format", b"snewsobservation")]))
    assert found == Blob(content=value)
    assert "returning a Blob" in caplog.text


@pytest.mark.parametrize(
    "first", ["hop", "hop.models", "snews_cs.snews2_app.hop_plugin", "snews_cs.snews2_app", "snews_cs.streams.reader"]
)
def test_hop_knows_the_formats_whatever_is_imported_first(first: str) -> None:
    """And hop, which comes with every command of this project, loads nothing else of ours for their sake."""
    script = f"""import {first}, sys, hop.io
print(*sorted(each for each in hop.io.Deserializer.__members__ if each.startswith("SNEWS")))
print(*sorted(each for each in sys.modules if each.startswith("snews_cs.snews2_app")))"""
    found = subprocess.run([sys.executable, "-Werror", "-c", script], capture_output=True, text=True, check=False)
    formats, modules = found.stdout.splitlines()
    assert formats == "SNEWSALERT SNEWSHEARTBEAT SNEWSOBSERVATION"
    assert modules == "snews_cs.snews2_app snews_cs.snews2_app.hop_plugin"
    assert found.stderr == ""


def test_an_alert_of_this_server_in_the_form_of_the_first_application() -> None:
    alert = {
        "alert_type": "UPDATE",
        "alert_uuid": "58f2303f-f429-5445-ae3b-1e423e1b1682",
        "event_id": "75dc00a9-eb58-5741-bf8c-30f306d7e13c",
        "revision": 2,
        "sent_time_utc": "2026-11-21T06:47:13.401568123Z",
        "detector_names": ["Super-K", "JUNO"],
        "neutrino_times": ["2026-11-21T06:47:03.000000000Z", "2026-11-21T06:47:12.999999999Z"],
    }
    assert SNEWSAlert.of(alert) == SNEWSAlert(
        message_id="58f2303f-f429-5445-ae3b-1e423e1b1682",
        sent_time="26/11/21 06:47:13",
        machine_time="26/11/21 06:47:13",
        content="SNEWS Alert: UPDATE, event 75dc00a9-eb58-5741-bf8c-30f306d7e13c, revision 2: "
        "Super-K at 2026-11-21T06:47:03.000000000Z, JUNO at 2026-11-21T06:47:12.999999999Z",
    )
