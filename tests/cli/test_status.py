"""status: how the server does, as its store tells."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.inspection.status import kind_of
from snews_cs.messages.times import NS_PER_S, posix_from_tai
from snews_cs.messages.types import Message, Observation
from tests.cli.conftest import NOW, Writer, run, seen


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, 5)


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let it be that many seconds after the messages of :class:`Writer`."""
    monkeypatch.setattr(time, "time_ns", lambda: posix_from_tai(NOW + seconds * NS_PER_S))


def beat(detector: str, status: str = "ON") -> dict[str, str]:
    return {"detector_name": detector, "tier": "Heartbeat", "detector_status": status}


def nagios() -> tuple[int, str]:
    result = run("status", "--nagios")
    (line,) = result.stdout.splitlines()
    return result.exit_code, line


def test_all_is_well(writer: Writer) -> None:
    writer.say(beat("JUNO"), beat("XENONnT"), beat("KamLAND", "OFF"), seen("JUNO"), seen("XENONnT", 1))
    writer.say(seen("KamLAND", 40, is_test=True), b"junk", seen("Nobody"), seen("Nothing"))
    result = run("status")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["OK"]
    for expected in (
        "journal 9 entries",
        "last entry 2026-11-21T12:30:00.000Z, 5 s ago",
        "unpublished alerts 0",
        "detectors online 2: JUNO, XENONnT",
        "detectors offline 1: KamLAND",
        "noisy detectors 0",
        "snapshot none yet",
        "projections up to date",
        "real 2 1 1",
        "tests 1 1 0",
        "2 the detector … is not registered",
    ):
        assert expected.split() in lines
    figures = "entries=9 live=3 standing=1 unpublished=0 online=2 noisy=0 refused=3"
    assert nagios() == (0, f"SNEWS OK - 2 detectors online, 1 alerts standing | {figures}")


def test_what_is_over_is_not_live_whatever_the_engine_still_holds(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1))
    set_clock(monkeypatch, 86_400 - 60)
    assert ["real", "1", "1", "0"] in [line.split() for line in run("status").stdout.splitlines()]


def test_a_snapshot_is_taken_up(writer: Writer) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1))
    writer.storage.save_snapshot(2, writer.journal.engine.snapshot())
    writer.say(seen("KamLAND", 100))
    text = run("status").stdout
    assert "after entry 2, 5 s ago, 1 entries since" in text
    assert ["real", "3", "2", "1"] in [line.split() for line in text.splitlines()]


def test_a_snapshot_of_another_version_is_passed_over(writer: Writer) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1))
    writer.storage.save_snapshot(2, b"[]")
    assert ["real", "2", "1", "1"] in [line.split() for line in run("status").stdout.splitlines()]


def test_noisy_detectors_are_named(writer: Writer) -> None:
    writer.say(seen("JUNO"), seen("XENONnT", 1), seen("LZ", 20), seen("KamLAND", 40), seen("LVD", is_test=True))
    assert ["noisy", "detectors", "2:", "KamLAND,", "LZ"] in [
        line.split() for line in run("status").stdout.splitlines()
    ]
    assert " noisy=2 " in nagios()[1]


def test_an_entry_that_the_engine_fails_on_is_one_line(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.say(beat("JUNO"), beat("XENONnT"), seen("JUNO"), seen("XENONnT", 1), seen("KamLAND", 100))
    apply = Engine.apply

    def failing(engine: Engine, message: Message, received_ns: int, key: str) -> Outcome:
        if isinstance(message, Observation) and message.detector_name == "XENONnT":
            raise ZeroDivisionError
        return apply(engine, message, received_ns, key)

    monkeypatch.setattr(Engine, "apply", failing)
    code, line = nagios()
    assert code == 1
    assert line.startswith("SNEWS WARNING - the engine fails on 1 entries, first on entry 4: ZeroDivisionError | ")
    assert "Traceback" not in run("status").output
    assert ["real", "2", "2", "0"] in [line.split() for line in run("status").stdout.splitlines()]


def test_an_alert_that_does_not_go_out_is_critical(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.say(beat("JUNO"), beat("XENONnT"))
    writer.say(seen("JUNO"), seen("XENONnT", 1), published=False)
    assert nagios()[0] == 0  # it may be on its way
    set_clock(monkeypatch, 11)
    code, line = nagios()
    assert code == 2
    assert line.startswith("SNEWS CRITICAL - 1 alerts not published for 11 s | ")
    assert run("status").exit_code == 0


def test_a_journal_that_stands_still_is_a_warning(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.say(beat("JUNO"), beat("XENONnT"))
    set_clock(monkeypatch, 1_200)
    code, line = nagios()
    assert code == 1
    assert line.startswith("SNEWS WARNING - nothing journaled for 20 minutes; 0 detectors online | ")


def test_an_empty_journal_is_a_warning(writer: Writer) -> None:
    assert nagios()[0] == 1
    assert "the journal is empty" in run("status").stdout


def test_no_store_is_critical(address: str) -> None:
    code, line = nagios()
    assert code == 2
    assert line.startswith("SNEWS CRITICAL - DATABASE_SERVER: ")
    assert "sesame" not in line


def test_a_store_that_cannot_be_read_is_critical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE t (x)")
    monkeypatch.setenv("DATABASE_SERVER", f"sqlite:///{path}")
    code, line = nagios()
    assert code == 2
    assert "is the database of another program" in line


@pytest.mark.parametrize(
    "value",
    ["'text'", "None", "True", "17", "-1e-300", "[]", "{'a': {'b': {...}}}", "[1, [None, ...], {}]", "{}", "nan"],
)
def test_kinds_of_refusals_do_not_tell_what_was_sent(value: str) -> None:
    assert kind_of(f"is_test must be true or false, not {value}") == "is_test must be true or false, not …"
    assert kind_of("the message is a JSON list, not an object") == "the message is a JSON list, not an object"
