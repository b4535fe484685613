"""The first application's message formats through the real hop: its command line, its streams, and the server."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hop import Stream
from hop.io import StartPosition
from hop.models import Blob

from snews_cs.messages.types import Heartbeat, Observation
from snews_cs.snews2_app.decider import EngineDecider
from snews_cs.snews2_app.hop_plugin import SNEWSAlert, SNEWSHeartbeat, SNEWSObservation
from snews_cs.snews2_app.model import Model
from snews_cs.snews2_app.storage import JournalStorage
from snews_cs.storage.open import open_storage
from tests.docs.pages import DOCS, blocks
from tests.e2e.test_hop_cli import hop
from tests.support.samples import sample
from tests.support.server import PATIENCE_S
from tests.support.system import System

PAGE = DOCS / "first-app.md"
SHOWN = "kafka://127.0.0.1:9092/snews.experiments-test"


def observation(detector: str, offset_s: float = 0.0) -> SNEWSObservation:
    """Return an observation of five minutes ago, as the first application wrote it."""
    moment = f"{datetime.now(UTC) - timedelta(minutes=5) + timedelta(seconds=offset_s):%y/%m/%d %H:%M:%S}"
    times = dict.fromkeys(("sent_time", "neutrino_time", "machine_time"), moment)
    named = {"detector_id": detector, "message_id": f"{detector} {offset_s}"}
    return SNEWSObservation(**sample("hop-SNalert-app_observation").fields | times | named)


def heartbeat(detector: str) -> SNEWSHeartbeat:
    return SNEWSHeartbeat(**sample("hop-SNalert-app_heartbeat").fields | {"detector_id": detector})


def read(url: str) -> list[Any]:
    """Return what a topic holds, as hop hands it over."""
    with Stream(auth=False, start_at=StartPosition.EARLIEST, until_eos=True).open(url, "r") as stream:
        return list(stream)


def write(url: str, *messages: object) -> None:
    with Stream(auth=False).open(url, "w") as stream:
        for message in messages:
            stream.write(message)
        stream.flush(timedelta(seconds=PATIENCE_S))


def test_hop_carries_the_messages_and_the_server_takes_them(system: System, tmp_path: Path) -> None:
    server = system.start()
    said = [heartbeat("JUNO"), observation("JUNO"), observation("LVD", 9)]
    for message in said:
        kind, file = type(message).__name__.upper(), tmp_path / "message.json"
        file.write_bytes(bytes(message))
        hop("publish", "--no-auth", "-f", kind, system.topics["experiments"], file)
    (alert,) = system.alerts(1)
    assert alert["detector_names"] == ["JUNO", "LVD"]
    assert alert["message_uuids"] == ["JUNO 0.0", "LVD 9"]
    assert alert["detectors_online"] == ["JUNO", "LVD"]
    assert read(system.topics["experiments"]) == said
    printed = hop("subscribe", "--no-auth", "-s", "EARLIEST", "-e", system.topics["experiments"])
    assert [bytes(message) for message in said] == [
        line.encode() for line in printed.splitlines() if line.startswith("{")
    ]
    assert server.stop() == 0, server.log_text()
    accepted = [entry for entry in system.journal() if entry.raw.partition >= 0]
    assert [type(entry.message) for entry in accepted] == [Heartbeat, Observation, Observation]
    assert [entry.raw.header("_format") for entry in accepted][:2] == [b"snewsheartbeat", b"snewsobservation"]
    assert [entry.verdict.reason for entry in accepted] == [None] * 3


def test_an_alert_in_the_old_form_on_request(system: System) -> None:
    system.start()
    write(system.topics["experiments"], observation("JUNO"), observation("LVD", -3))
    system.alerts(1)
    (alert,) = read(system.topics["alert"])
    _run_example({"snews.alert-test": system.topics["alert"], "my-alerts": system.topics["testing"]})
    (message,) = read(system.topics["testing"])
    assert message == SNEWSAlert.of(alert.content)
    assert message.message_id == alert.content["alert_uuid"]
    write(system.topics["experiments"], message)
    refused = system.wait_for_entries(4)[-1]
    assert refused.verdict.reason == "the message is an alert of hop-SNalert-app, not a detector's message"


def _run_example(topics: dict[str, str]) -> None:
    """Run what the page shows for it, on these topics, and until the first one ends."""
    (code,) = blocks(PAGE, "python")
    code = code.replace("Stream(auth=False)", 'Stream(auth=False, start_at=StartPosition["EARLIEST"], until_eos=True)')
    for name, url in topics.items():
        code = code.replace(f"kafka://127.0.0.1:9092/{name}", url)
    exec(code, {"StartPosition": StartPosition})


def test_what_bears_the_name_of_a_format_hurts_nobody(system: System) -> None:
    """Neither the server, which reads bytes, nor who reads through hop."""
    system.start()
    with Stream(auth=False).open(system.topics["experiments"], "w") as stream:
        stream.write_raw(b"\xff", [("_format", b"snewsobservation")])
        stream.write(observation("JUNO"))
        stream.flush(timedelta(seconds=PATIENCE_S))
    noise, juno = system.wait_for_entries(3)[1:]
    assert noise.verdict.reason == "the message is neither a pickle nor UTF-8 text"
    assert isinstance(juno.message, Observation)
    first, second = read(system.topics["experiments"])
    assert first == Blob(content=b"\xff")
    assert isinstance(second, SNEWSObservation)


def test_the_model_reads_through_hop_and_publishes(system: System) -> None:
    write(system.topics["experiments"], heartbeat("JUNO"), observation("JUNO"), observation("LVD", -3))
    url = f"sqlite:///{system.directory / 'first-app.sqlite'}"
    source = Stream(auth=False, start_at=StartPosition.EARLIEST, until_eos=True)
    store = open_storage(url)
    for group in ("first-app", "anew"):
        storage = JournalStorage(store)
        with (
            source.open(system.topics["experiments"], "r", group_id=group) as consumer,
            Stream(auth=False).open(system.topics["testing"], "w") as alerts,
        ):
            Model(EngineDecider(storage), publish=alerts.write).run(consumer)
    store.close()
    (alert,) = read(system.topics["testing"])
    assert isinstance(alert, SNEWSAlert)


def test_what_the_page_shows(system: System, tmp_path: Path) -> None:
    (shown,), (typed,) = blocks(PAGE, "json"), blocks(PAGE, "console")
    moment = f"{datetime.now(UTC):%y/%m/%d %H:%M:%S}"
    (tmp_path / "observation.json").write_text(re.sub(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d", moment, shown))
    system.start()
    lines = [line.removeprefix("$ ").replace(SHOWN, system.topics["experiments"]) for line in typed.splitlines()]
    printed = ""
    for line in lines:
        program, *arguments = line.split()
        done = subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    (seen,) = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert seen.keys() == json.loads(shown).keys()
    entry = system.wait_for_entries(2)[-1]
    assert isinstance(entry.message, Observation)
    assert (entry.message.detector_name, entry.verdict.reason) == ("Super-K", None)
