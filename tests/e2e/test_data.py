"""Every example as a detector publishes it, and what is taken out of the store beside the running server."""

import json
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

import jsonschema
import pandas as pd

from snews_cs.schemas.catalogue import schema
from snews_cs.storage.open import open_reader
from tests.e2e.test_hop_cli import EXAMPLES, hop
from tests.support.server import PATIENCE_S, SNEWS_CS
from tests.support.system import System, observation

REFUSED = {
    "broker-change": "broker-change is off: no snews_cs_admin_pass is set",
    "display-heartbeats": "display-heartbeats is off: no snews_cs_admin_pass is set",
    "get-feedback": "none of the addresses is registered for XENONnT",
    "hard-reset": "hard-reset is off: no snews_cs_admin_pass is set",
}


def snews_cs(system: System, *arguments: str | Path) -> str:
    """Type ``snews_cs ARGUMENTS``, looking at the server's store, and return what it prints."""
    environment = {**os.environ, "DATABASE_SERVER": system.database}
    done = subprocess.run(
        [SNEWS_CS, *arguments], env=environment, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def wait_until_projected(system: System, sequence: int) -> None:
    end = time.monotonic() + PATIENCE_S
    with closing(open_reader(system.database)) as store:
        while store.projected() < sequence:
            assert time.monotonic() < end, f"projected up to {store.projected()}, not {sequence}"
            time.sleep(0.05)


def test_every_example_is_taken_in_and_comes_out_again(system: System, tmp_path: Path) -> None:
    server = system.start()
    paths = sorted(EXAMPLES.glob("*.json"))
    hop("publish", "--no-auth", system.topics["experiments"], *paths)
    entries = system.wait_for_entries(1 + len(paths))
    reasons = {path.stem: entry.verdict.reason for path, entry in zip(paths, entries[1:], strict=True)}
    assert {name: reason for name, reason in reasons.items() if reason is not None} == REFUSED
    wait_until_projected(system, len(entries))

    binned, listed = (json.loads((EXAMPLES / f"timing{which}.json").read_text()) for which in ("-binned", ""))
    messages = [json.loads(line) for line in snews_cs(system, "messages", "--tier", "timing", "--json").splitlines()]
    assert [message["timing_series"] for message in messages] == [binned["timing_series"], listed["timing_series"]]
    for table, name, column in (("timing", "timing", "timing_series"), ("significance", "significance", "p_values")):
        file = tmp_path / f"{table}.parquet"
        snews_cs(system, "export", table, "--output", file)
        said = json.loads((EXAMPLES / f"{name}.json").read_text())
        assert pd.read_parquet(file)[column].iloc[-1].tolist() == said[column]
    validator = jsonschema.Draft202012Validator(schema("export-journal"))
    journal = [json.loads(line) for line in snews_cs(system, "export", "journal").splitlines()]
    assert [record["sequence"] for record in journal] == [entry.sequence for entry in entries]
    for record in journal:
        validator.validate(record)
    assert server.stop() == 0, server.log_text()


def test_archived_tiers_raise_no_alert_and_hold_none_up(system: System) -> None:
    system.start()
    for number in range(50):
        timing = {**json.loads((EXAMPLES / "timing.json").read_text()), "is_test": False}
        system.publish({**timing, **observation("XENONnT"), "timing_series": list(range(number, 20_000))})
        if number == 25:
            system.publish(observation("JUNO"))
            system.publish(observation("LVD", 1))
    (alert,) = system.alerts(1)
    assert alert["detector_names"] == ["JUNO", "LVD"]


def test_the_answer_to_a_connection_test_fits_its_schema(system: System) -> None:
    system.start()
    hop("publish", "--no-auth", system.topics["experiments"], EXAMPLES / "connection-test.json")
    answers = system.alerts(1, "testing")
    assert answers
    for answer in answers:
        jsonschema.Draft202012Validator(schema("test-connection-reply")).validate(answer)
