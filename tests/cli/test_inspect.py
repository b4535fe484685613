"""journal, quarantine, replay: what a person is shown of a store while a server writes it."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.inspection.replay import replay
from snews_cs.messages.types import Message
from snews_cs.storage.open import open_storage
from tests.cli.conftest import PASSWORD, Writer, run, seen
from tests.storage.builders import make_alerting, make_entry

SNEWS_CS = Path(sys.executable).with_name("snews_cs")
COMMANDS = [["journal"], ["journal", "show", "1"], ["journal", "follow"], ["quarantine"], ["replay"], ["status"]]


def listed(*arguments: str) -> list[str]:
    """Return the sequence numbers that a table shows."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_missing_store_is_one_line_and_exit_code_2(address: str, command: list[str], tmp_path: Path) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("snews_cs: DATABASE_SERVER: ")
    assert "sesame" not in line
    assert list(tmp_path.iterdir()) == []


def test_the_journal_as_a_table(writer: Writer) -> None:
    writer.say(seen("JUNO", p_val=0.25), seen("XENONnT", 1), b"junk")
    lines = run("journal").stdout.splitlines()
    assert lines[0].split() == ["ENTRY", "RECEIVED", "KIND", "DETECTOR", "SAYS", "BECAME", "ALERTS"]
    assert lines[1].split("  ")[0] == "1"
    assert "2026-11-21T12:30:00.000Z  observation  JUNO" in lines[1]
    assert "2026-11-21T12:29:00.000000000Z, p 0.25" in lines[1]
    assert lines[2].endswith("INITIAL JUNO, XENONnT")
    assert "refused: not JSON" in lines[3]


def test_the_journal_filtered(writer: Writer) -> None:
    writer.say(*(seen("JUNO", 20 * number) for number in range(30)), seen("KamLAND"), seen("JUNO", 5_000, is_test=True))
    assert listed("journal") == [str(number) for number in range(13, 33)]
    assert listed("journal", "-n", "2") == ["31", "32"]
    assert listed("journal", "list", "-n", "0") == []
    assert listed("journal", "--after", "30") == ["31", "32"]
    assert listed("journal", "--detector", "kamland") == ["31"]
    assert listed("journal", "--alerts") == ["31"]
    assert listed("journal", "--alerts", "--detector", "JUNO") == []


@pytest.mark.parametrize(
    "command",
    [["journal"], ["journal", "list"], ["journal", "follow"], ["messages"], ["export", "observations"]],
    ids=" ".join,
)
def test_a_detector_that_is_not_registered_is_one_line_and_exit_code_2(writer: Writer, command: list[str]) -> None:
    writer.say(seen("JUNO"))
    result = run(*command, "--detector", "nope")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "snews_cs: --detector: 'nope' is not registered (DETECTOR_REGISTRY)\n"


@pytest.mark.parametrize("name", ["Super-K", "super-kamiokande", "SK", "1"])
def test_a_detector_by_any_of_its_names(writer: Writer, name: str) -> None:
    writer.say(seen("JUNO"), seen("SK", 20))
    for command in ("journal", "messages"):
        assert listed(command, "--detector", name) == ["2"]
    exported = run("export", "observations", "--detector", name).stdout.splitlines()
    assert [json.loads(line)["detector_name"] for line in exported] == ["Super-K"]


def test_a_detector_of_the_operators_own_registry(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = tmp_path / "registry.json"
    registry.write_text('[{"name": "JUNO", "aliases": ["Jiangmen"]}]')
    monkeypatch.setenv("DETECTOR_REGISTRY", str(registry))
    writer.say(seen("JUNO"), seen("LVD", 20))
    assert listed("messages", "--detector", "jiangmen") == ["1"]


def test_an_alert_that_is_not_out_yet_is_marked(writer: Writer) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1), published=False)
    assert run("journal").stdout.rstrip().endswith("INITIAL JUNO, XENONnT (not published yet)")
    assert "published  not yet" in run("journal", "show", "2").stdout


def test_everything_about_one_entry(writer: Writer) -> None:
    _, entry = writer.say(seen("JUNO"), seen("XENONnT", 1))
    text = re.sub(" +", " ", run("journal", "show", "2").stdout)
    assert entry.outcome is not None
    for part in (
        entry.key,
        entry.attempt,
        "experiments/0/1",
        "verdict accepted",
        "Message: observation",
        "neutrino_time 2026-11-21T12:29:01.000000000Z",
        "Outcome: opened",
        "line 1 real: XENONnT at 2026-11-21T12:29:01.000000000Z",
        entry.outcome.alerts[0].alert_uuid,
        "b'\\x00\\x1b'",
        '{"detector_name": "XENONnT"',
    ):
        assert part in text
    whole = json.loads(run("journal", "show", "2", "--json").stdout)
    assert whole["received_time"] == "2026-11-21T12:30:00.000000000Z"
    assert whole["alerts"][0]["alert_uuid"] == entry.outcome.alerts[0].alert_uuid
    assert whole["message"]["detector_name"] == "XENONnT"


def test_an_entry_that_is_not_there(writer: Writer) -> None:
    for command in (("journal", "show", "7"), ("quarantine", "--show", "7")):
        result = run(*command)
        assert (result.exit_code, result.stderr) == (1, "snews_cs: the journal has no entry 7\n")


def test_quarantine(writer: Writer) -> None:
    writer.say(b"\x1b[2J\xff", seen("JUNO"), seen("Nobody\x07\u202e"))
    lines = run("quarantine").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ENTRY", "1", "3"]
    assert "experiments/0/2" in lines[2]
    assert "is not registered" in lines[2]
    assert listed("quarantine", "-n", "1") == ["3"]
    shown = run("quarantine", "--show", "1").stdout
    assert "00000000  1b 5b 32 4a ff" in shown
    assert ".[2J." in shown
    assert "neither a pickle nor UTF-8" in shown
    accepted = run("quarantine", "--show", "2")
    assert accepted.exit_code == 1
    assert "entry 2 was not refused" in accepted.stderr


def test_nothing_of_a_message_reaches_the_terminal_as_a_control(writer: Writer) -> None:
    poison = "\x1b]0;owned\x07\u202e\r\n"
    writer.say(seen(poison), poison.encode(), {**seen("JUNO"), poison: poison, "uuid": poison}, b"\x1b[2J" * 5_000)
    for command in (["journal"], ["quarantine"], *(["journal", "show", str(number)] for number in range(1, 5))):
        output = run(*command).output
        assert all(line.isprintable() for line in output.split("\n")), output
    assert "15904 bytes more" in output


def test_no_password_is_shown(writer: Writer) -> None:
    command = {"_id": "0_hard-reset", "detector_name": "JUNO", "pass": PASSWORD, "is_test": True}
    writer.say(command, {**command, "pass": "guess"})
    for shown in (("journal",), ("journal", "show", "1"), ("journal", "show", "1", "--json"), ("journal", "show", "2")):
        output = run(*shown).output
        assert PASSWORD not in output
        assert "guess" not in output


def test_a_replay_that_agrees(writer: Writer) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1), b"junk", seen("KamLAND", 3), seen("JUNO"))
    result = run("replay")
    assert (result.exit_code, result.stdout) == (0, "5 entries and 2 alerts compared: no differences\n")


def test_a_replay_that_does_not(writer: Writer) -> None:
    writer.say(seen("JUNO"))
    writer.storage.append([make_alerting(2), make_entry(3, message=None)])
    result = run("replay")
    assert result.exit_code == 1
    second, third, last = result.stdout.splitlines()
    assert second.startswith("entry 2 (observation): alerts INITIAL {")
    assert " -> none" in second
    assert third == "entry 3 (?): noted -> no outcome"
    assert last == "3 entries and 1 alerts compared: 2 differences"


def test_a_replay_finds_alerts_that_were_written_otherwise_than_decided(writer: Writer) -> None:
    first, second = writer.say(seen("JUNO"), seen("XENONnT", 1))
    for alerts in ((), ("{}",), (*second.alerts_json, "{}")):
        found = [each.difference for each in replay([first, replace(second, alerts_json=alerts)])]
        assert found == [None, "the alerts to publish are not those that were decided"]


def test_a_replay_goes_on_after_the_engine_has_failed(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(engine: Engine, message: Message, received_ns: int, key: str) -> Outcome:
        if key == second.key:
            raise ZeroDivisionError
        return apply(engine, message, received_ns, key)

    apply = Engine.apply
    first, second, third = writer.say(seen("JUNO"), seen("XENONnT", 1), seen("KamLAND", 100))
    monkeypatch.setattr(Engine, "apply", failing)
    found = [each.difference for each in replay([first, second, third])]
    assert found[:2] == [None, "the engine fails: ZeroDivisionError"]
    assert found[2] is not None  # its line has another number now


def test_a_hole_in_the_journal_ends_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    monkeypatch.setenv("DATABASE_SERVER", f"sqlite:///{path}")
    with closing(open_storage(f"sqlite:///{path}")) as storage:
        Writer(storage).say(seen("JUNO"), seen("XENONnT", 1), seen("KamLAND", 2))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM all_mgs WHERE sequence = 2")
    result = run("replay")
    assert (result.exit_code, result.stderr) == (1, "snews_cs: entry 2 is missing before entry 3\n")


def test_the_embedded_store_and_that_of_firedrills(tmp_path: Path) -> None:
    for name, detector in (("snews_cs", "JUNO"), ("snews_cs-firedrill", "KamLAND")):
        with closing(open_storage(f"sqlite:///{tmp_path / name}.sqlite")) as storage:
            Writer(storage).say(seen(detector))
    embedded = ("--embedded", "--data", str(tmp_path))
    assert "JUNO" in run("journal", *embedded).stdout
    assert "KamLAND" in run("journal", *embedded, "--firedrill").stdout
    refused = run("journal", "--data", str(tmp_path))
    assert (refused.exit_code, refused.stderr) == (2, "snews_cs: --data goes with --embedded\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_until_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    with closing(open_storage(f"sqlite:///{tmp_path}/snews_cs.sqlite")) as storage:
        writer = Writer(storage)
        writer.say(seen("JUNO"), seen("XENONnT", 1), seen("JUNO", 30))
        command = [str(SNEWS_CS), "journal", "follow", "-n", "1", "--embedded", "--data", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
            try:
                assert follower.stdout is not None
                assert follower.stdout.readline().split()[0] == "3"
                writer.say(seen("KamLAND", 32), b"junk")
                fourth, fifth = follower.stdout.readline(), follower.stdout.readline()
                assert fourth.split()[0] == "4"
                assert "UPDATE" in fourth or "INITIAL" in fourth
                assert "refused" in fifth
                follower.send_signal(number)
                rest, errors = follower.communicate(timeout=20)
            finally:
                follower.kill()
    assert (follower.returncode, rest, errors) == (0, "", "")
