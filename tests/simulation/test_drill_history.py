"""Drills are kept, whoever else writes into the file or takes it away."""

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import SettingsError
from snews_cs.inspection.drills import DrillBook, DrillRecord
from snews_cs.monitoring.doctor.drills import check_drill
from snews_cs.monitoring.doctor.finding import Level

TOPIC = "kafka://broker/experiments"

PASSED = DrillRecord(
    started="2026-11-21T12:30:00.000000001Z",
    observation_topic=TOPIC,
    detector_names=("JUNO", "LVD"),
    message_uuids=("one", "two"),
    neutrino_time="1987-02-23T07:35:35.000000000Z",
    retracted=True,
    acknowledged_ms=0.7,
    journaled_ms=2.4,
    entries=(17, 18),
    alert_ms=3.1,
    server_tag="here",
    retraction_ms=2.9,
)
FAILED = replace(PASSED, problem="no server took it in", alert_ms=None, retraction_ms=None, entries=())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "drills.jsonl"


def test_what_is_kept_comes_back(path: Path) -> None:
    DrillBook(path).add(PASSED)
    DrillBook(path).add(FAILED)
    assert DrillBook(path).latest(5, TOPIC) == [PASSED, FAILED]
    assert DrillBook(path).latest(1, TOPIC) == [FAILED]


def test_drills_of_other_topics_and_brokers_are_told_apart(path: Path) -> None:
    book = DrillBook(path)
    elsewhere = replace(FAILED, observation_topic="kafka://another/experiments")
    book.add(PASSED)
    book.add(elsewhere)
    assert book.latest(1, "kafka://another/experiments") == [elsewhere]
    assert book.latest(5, TOPIC) == [PASSED]


def test_what_is_no_drill_is_passed_over(path: Path) -> None:
    book = DrillBook(path)
    book.add(PASSED)
    with path.open("ab") as file:
        file.write(b'{"started": "2026-\n\xff\n[]\n')
    book.add(FAILED)
    assert book.latest(5, TOPIC) == [PASSED, FAILED]


def test_none_yet(path: Path) -> None:
    assert DrillBook(path).latest(5, TOPIC) == []
    assert list(check_drill(path, TOPIC)) == []


def test_a_drill_that_cannot_be_kept_is_logged(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as lines:
        DrillBook(tmp_path / "file" / "drills.jsonl").add(PASSED)
    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "a drill cannot be kept")]


def test_a_history_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^DRILL_HISTORY: cannot read .*: Is a directory$"):
        DrillBook(tmp_path).latest(5, TOPIC)
    [finding] = check_drill(tmp_path, TOPIC)
    assert finding.level is Level.WARNING


def test_the_doctor_tells_of_the_last_one(path: Path) -> None:
    book = DrillBook(path)
    book.add(PASSED)
    [finding] = check_drill(path, TOPIC)
    assert finding.level is Level.OK
    assert finding.text == "the last one, 2026-11-21T12:30:00Z, passed: its alert came after 3.1 ms"
    book.add(FAILED)
    [finding] = check_drill(path, TOPIC)
    assert finding.level is Level.WARNING
    assert finding.text == "the last one, 2026-11-21T12:30:00Z, failed: no server took it in"
