"""The server as installed, with a stopwatch at each step of its loop: ``python -m benchmarks.stages FILE ARGUMENTS``.

Runs ``snews_cs ARGUMENTS`` and, when that ends, writes for each step the list of (begin, end) to FILE as JSON, in s of
the system's monotonic clock, which all processes of a machine share.
"""

import functools
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.surroundings import Broker
from snews_cs.cli import main
from snews_cs.coincidence.engine import Engine
from snews_cs.server import deciding, loop
from snews_cs.server.outbox import Outbox
from snews_cs.storage.mongo.store import MongoStorage
from snews_cs.storage.sqlite.store import SqliteStorage
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.publisher import AlertPublisher

Spans = defaultdict[str, list[tuple[float, float]]]


def timed(function: Callable[..., Any], name: str, spans: Spans) -> Callable[..., Any]:
    """Return the function with a stopwatch around it."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        begin = monotonic()
        result = function(*arguments, **options)
        spans[name].append((begin, monotonic()))
        return result

    return wrapper


def run(output: Path, arguments: list[str]) -> None:
    """Run the command with stopwatches and write what they showed."""
    spans: Spans = defaultdict(list)
    steps: list[tuple[Any, str, str]] = [
        (ObservationStream, "batch", "read"),
        (loop, "read_message", "decode"),
        (Engine, "apply", "decide"),
        (deciding, "alert_json", "write alert"),
        *((store, "append", "append") for store in (SqliteStorage, MongoStorage)),
        (loop, "report", "log"),
        (AlertPublisher, "publish_all", "publish"),
        (Outbox, "publish", "outbox"),
        *((store, "mark_published", "mark") for store in (SqliteStorage, MongoStorage)),
        *((store, "project", "project") for store in (SqliteStorage, MongoStorage)),
    ]
    for owner, attribute, name in steps:
        setattr(owner, attribute, timed(getattr(owner, attribute), name, spans))
    try:
        main(arguments)
    finally:
        output.write_text(json.dumps(spans))


@dataclass(frozen=True)
class RunningServer:
    """A server in a process of its own.

    Parameters
    ----------
    pid
        Number of the process.
    stages
        The file that the stopwatches will be in when it has stopped.
    started
        When its process was made, in s of the system's monotonic clock.
    """

    pid: int
    stages: Path
    started: float

    def cpu_s(self) -> float:
        """Return the processor time that it has used, s."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Return the memory that it holds now, MB (10^6 bytes)."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))


@contextmanager
def running_server(
    broker: Broker, store: str, directory: Path, *, stopwatches: bool = False
) -> Iterator[RunningServer]:
    """Run ``run-coincidence`` on a broker and the store of that address; wait until it reads; stop it at the end."""
    output = directory / "stages.json"
    module = ["benchmarks.stages", str(output)] if stopwatches else ["snews_cs"]
    command = [sys.executable, "-m", *module, "run-coincidence"]
    settings = {
        "HOP_BROKER": broker.plain_address,
        "HOP_AUTH": "false",
        "DATABASE_SERVER": store,
        "SPOOL_DIRECTORY": str(directory / "spool"),
        "MONITORING_ADDRESS": "off",
    }
    log = directory / "log"
    started = monotonic()
    with log.open("w") as errors:
        child = subprocess.Popen(command, env={**os.environ, **settings}, stderr=errors, stdout=subprocess.DEVNULL)
    try:
        while "(re)Initializing" not in log.read_text(encoding="utf-8"):
            if child.poll() is not None:
                raise RuntimeError(log.read_text(encoding="utf-8"))
        yield RunningServer(child.pid, output, started)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
