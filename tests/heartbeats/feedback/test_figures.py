"""The figures that are kept for a while."""

import os
import time
from pathlib import Path

from structlog.testing import capture_logs

from snews_cs.heartbeats.feedback.figures import FigureDirectory, figure_name
from snews_cs.messages.times import NS_PER_S
from tests.heartbeats.feedback.conftest import NOW

WEEK_NS = 7 * 86_400 * NS_PER_S


def test_figures_go_when_their_time_is_over(tmp_path: Path) -> None:
    figures = FigureDirectory(tmp_path / "some" / "where", kept_ns=WEEK_NS)
    figures.keep(figure_name("JUNO", NOW), b"new")
    figures.keep(figure_name("LZ", NOW), b"old")
    others = tmp_path / "some" / "where" / "holiday.png"
    others.write_bytes(b"not ours")
    for path in (others, tmp_path / "some" / "where" / figure_name("LZ", NOW)):
        os.utime(path, (0, time.time() - 7 * 86_400 - 60))
    assert figures.sweep() == 1
    assert sorted(path.name for path in others.parent.iterdir()) == [figure_name("JUNO", NOW), "holiday.png"]


def test_a_directory_that_cannot_be_used_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    figures = FigureDirectory(tmp_path / "file", kept_ns=WEEK_NS)
    with capture_logs() as logs:
        figures.keep("JUNO.png", b"")
        assert figures.sweep() == 0
    assert [log["event"] for log in logs] == ["a figure cannot be kept"]


def test_a_directory_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert FigureDirectory(tmp_path / "nowhere", kept_ns=WEEK_NS).sweep() == 0
    assert logs == []


def test_names_are_names_of_files() -> None:
    assert figure_name("MicroBooNe/../x y+", NOW) == "MicroBooNe-..-x-y+_2100-01-02T16-20-03Z.png"
