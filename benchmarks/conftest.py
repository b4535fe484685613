"""Prints what was measured: the machine, the versions, and for each benchmark n, median, p95 and p99."""

import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

PACKAGES = ("snews_cs", "hop-client", "confluent-kafka", "pandas", "numpy", "pydantic", "pymongo")


@dataclass
class Report:
    """The rows of the table printed at the end."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def samples(self, name: str, seconds: Iterable[float], unit: str = "us") -> np.ndarray:
        """Add a row of times, given in s and shown in ``unit``; return them in that unit."""
        scale = {"us": 1e6, "ms": 1e3, "s": 1.0}[unit]
        values = np.asarray(list(seconds)) * scale
        median, p95, p99 = np.percentile(values, (50, 95, 99))
        self.rows.append((name, str(len(values)), f"{median:.1f}", f"{p95:.1f}", f"{p99:.1f}", unit))
        return values

    def note(self, text: str) -> None:
        """Add a line of words."""
        self.notes.append(text)


_KEY = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_KEY] = Report()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Return the report that all benchmarks write to."""
    return request.config.stash[_KEY]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash[_KEY]
    write: Callable[[str], None] = terminalreporter.write_line
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    write("")
    write(f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; load {load}")
    write(f"versions: Python {platform.python_version()}, {versions}")
    head = ("benchmark", "n", "median", "p95", "p99", "unit")
    widths = [max(len(row[column]) for row in (head, *report.rows)) for column in range(len(head))]
    for row in (head, *report.rows):
        cells = (
            text.ljust(width) if not column else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        write("  ".join(cells))
    for note in report.notes:
        write(note)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the person's own hop configuration out."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
