"""messages, export: the tiers as a person sees them, and as files."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from snews_cs.inspection.records import TABLES
from snews_cs.messages.times import NS_PER_S, format_utc
from tests.cli.conftest import NOW, Writer, run, seen

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


def tier(name: str, detector: str, **fields: Any) -> dict[str, Any]:
    return {"tier": name, "detector_name": detector, **fields}


@pytest.fixture
def told(writer: Writer) -> Writer:
    """Return the hand on a store that holds messages of every tier."""
    writer.say(
        seen("JUNO", p_val=0.25, uuid="a"),
        seen("XENONnT", 1, uuid="b"),
        tier("SignificanceTier", "JUNO", p_values=[0.5, 0.03], t_bin_width_sec=0.8, p_val=0.01, uuid="c"),
        tier("TimingTier", "KM3NeT", timing_series=[0, 1_500_000, 4_000_000], is_test=True, uuid="d"),
        tier("TimingTier", "JUNO", timing_series=[7, 12, 5], time_bin_width_ns=20_000, uuid="e", is_pre_sn=True),
        b"junk",
    )
    writer.now_ns += 60 * NS_PER_S
    writer.say(
        tier("Retraction", "XENONnT", retract_message_uuid="b", retraction_reason="a calibration", uuid="f"),
        tier("Heartbeat", "JUNO", detector_status="ON", uuid="g"),
        seen("JUNO", 5_000, is_test=True, uuid="h"),
        seen("JUNO", 5_000, uuid="refused: in the future"),
    )
    return writer


@pytest.mark.parametrize("command", [["messages"], ["export", "journal"]], ids=" ".join)
def test_a_missing_store_is_one_line_and_exit_code_2(address: str, command: list[str]) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("snews_cs: DATABASE_SERVER: ")
    assert len(result.stderr.splitlines()) == 1


def shown(*arguments: str) -> list[str]:
    result = run("messages", *arguments)
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["ENTRY", "RECEIVED", "DETECTOR", "SAYS", "MESSAGE"]
    return [" ".join(line.split()[2:]) for line in lines]


def test_messages_of_each_tier(told: Writer) -> None:
    time = "2026-11-21T12:29:00.000000000Z"
    assert shown("--tier", "coincidence", "-n", "2") == [
        f"XENONnT {time.replace(':00.', ':01.')}; opened b",
        "JUNO test; 2026-11-21T13:52:20.000000000Z; opened h",
    ]
    assert shown("--detector", "juno")[0] == f"JUNO {time}; p 0.25; opened a"
    assert shown("--tier", "significance") == ["JUNO 2 bins of 0.8 s; smallest p 0.03; p 0.01 c"]
    assert shown("--tier", "timing") == [
        "KM3NeT test; 3 neutrinos within 4 ms d",
        "JUNO pre-SN; 24 counts in 3 bins of 0.02 ms e",
    ]
    assert shown("--tier", "retraction") == ["XENONnT b; withdrew; a calibration f"]
    heartbeats = shown("--tier", "heartbeat")
    assert heartbeats[:2] == ["JUNO ON; by an observation a", "XENONnT ON; by an observation b"]
    assert shown("--tier", "heartbeat", "-n", "2") == ["JUNO ON g", "JUNO test; ON; by an observation h"]


def test_messages_are_the_latest_and_since_when(told: Writer) -> None:
    assert shown("--tier", "timing", "-n", "1") == ["JUNO pre-SN; 24 counts in 3 bins of 0.02 ms e"]
    assert shown("--tier", "timing", "-n", "0") == []
    since = format_utc(NOW + 60 * NS_PER_S)
    assert shown("--tier", "timing", "--since", since) == []
    assert len(shown("--since", since)) == 1
    assert len(shown("--since", "2026-11-21")) == 3


def test_messages_as_json(told: Writer) -> None:
    (line,) = run("messages", "--tier", "significance", "--json").stdout.splitlines()
    message = json.loads(line)
    assert (message["sequence"], message["p_values"], message["t_bin_width_s"]) == (3, [0.5, 0.03], 0.8)


def test_export_to_standard_output(told: Writer) -> None:
    lines = [json.loads(line) for line in run("export", "journal").stdout.splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, 11))
    assert [line["kind"] for line in lines[4:8]] == ["timing", None, "retraction", "heartbeat"]
    assert lines[1]["alerts"][0]["alert_type"] == "INITIAL"
    csv = pd.read_csv(StringIO(run("export", "observations", "--format", "csv").stdout))
    assert csv["message_uuid"].tolist() == ["a", "b", "h"]


@pytest.mark.parametrize("table", TABLES)
def test_export_of_every_table_to_a_file(told: Writer, table: str, tmp_path: Path) -> None:
    read: dict[str, Callable[[Path], pd.DataFrame]] = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "jsonl": lambda path: pd.DataFrame(map(json.loads, path.read_text().splitlines())),
    }
    counts = {}
    for suffix, read_back in read.items():
        path = tmp_path / f"{table}.{suffix}"
        result = run("export", table, "--output", str(path))
        assert (result.exit_code, result.output) == (0, "")
        frame = read_back(path)
        counts[suffix] = len(frame)
        assert "received_time" in frame or table == "alerts"
    assert len(set(counts.values())) == 1
    expected = {"journal": 10, "observations": 3, "alerts": 2, "timing": 2, "quarantine": 2, "cache": 2}
    assert counts["csv"] == expected.get(table, counts["csv"]) > 0


def test_export_of_a_part(told: Writer, tmp_path: Path) -> None:
    path = tmp_path / "part"
    until = format_utc(NOW + NS_PER_S)
    assert run("export", "journal", "-o", str(path), "--detector", "juno", "--until", until).exit_code == 0
    assert [json.loads(line)["sequence"] for line in path.read_text().splitlines()] == [1, 3, 5]


def test_what_cannot_be_exported_is_one_line(told: Writer, tmp_path: Path) -> None:
    for arguments, exit_code, says in (
        (["journal", "--format", "parquet"], 2, "Parquet goes into a file: give --output"),
        (["journal", "-o", str(tmp_path / "missing" / "x.csv")], 1, "No such file or directory"),
        (["nothing"], 2, "'nothing' is not one of 'journal'"),
        (["journal", "--since", "yesterday"], 2, "'yesterday' is neither a time"),
        (["journal", "--since", "200 years"], 2, "neither a time"),
    ):
        result = run("export", *arguments)
        assert (result.exit_code, result.stdout) == (exit_code, "")
        assert says in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_reader_that_goes_away_ends_the_export_without_a_word(told: Writer) -> None:
    told.say(*(seen("LZ", number, is_test=True) for number in range(600)))  # more than a pipe holds
    command = f"{SNEWS_CS} export journal | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["sequence"] == 1
    assert done.stderr == ""


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_export_that_is_stopped_leaves_nothing(told: Writer, tmp_path: Path, number: signal.Signals) -> None:
    told.say(*(seen("LZ", place, is_test=True, more="x" * 100_000) for place in range(300)))
    directory = tmp_path / "exports"
    directory.mkdir()
    path = directory / "journal.csv"
    path.write_text("before")
    with subprocess.Popen([SNEWS_CS, "export", "journal", "-o", path], stderr=subprocess.PIPE) as exporting:
        end = time.monotonic() + 30
        while len(list(directory.iterdir())) == 1 and exporting.poll() is None:
            assert time.monotonic() < end, "it has not begun"
            time.sleep(0.001)
        exporting.send_signal(number)
        exporting.wait(timeout=30)
    assert list(directory.iterdir()) == [path]
    assert exporting.returncode == 0 or path.read_text() == "before"
