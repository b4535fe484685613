"""From a detector's message to the alert in a reader's hands, the journal on disk.

Targets over 500 pairs, or else 4 times the floor of the same run: p50 at most 6 ms and p99 at most 25 ms over the
embedded broker, 8 ms and 30 ms over Kafka. The floor is what no server could avoid: two bare hops from write to reader,
and one fsync.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
from hop import Stream
from hop.io import Producer, StartPosition
from hop.models import JSONBlob

from benchmarks.conftest import Report
from benchmarks.stages import running_server
from benchmarks.surroundings import TOPICS, Broker, started_broker, started_store

PAIRS = 500
TIMEOUT = timedelta(seconds=10)


class Hop:
    """A topic with one writer and one reader, both through hop."""

    def __init__(self, broker: Broker, written: str, read: str) -> None:
        self.producer: Producer = Stream(auth=False).open(broker.url(written), "w", automatic_offload=False)
        self.consumer = Stream(auth=False, start_at=StartPosition.EARLIEST).open(broker.url(read), "r", group_id=None)
        self.records = self.consumer.read_raw(autocommit=False, batch_size=1, batch_timeout=timedelta(milliseconds=100))

    def write(self, content: object) -> None:
        """Write and wait for the acknowledgement."""
        self.producer.write(JSONBlob(content))
        self.producer.flush(TIMEOUT)

    def close(self) -> None:
        """End both."""
        self.producer.close()
        self.consumer.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("broker", ["embedded", "kafka"])
def test_observation_to_alert(report: Report, tmp_path: Path, broker: str) -> None:
    base = datetime.now(UTC) - timedelta(hours=6)
    with (
        started_broker(broker, tmp_path, more=["bare"]) as running,
        started_store("sqlite", tmp_path) as store,
        running_server(running, store, tmp_path, stopwatches=True) as server,
    ):
        wire = Hop(running, *TOPICS[:2])
        bare = Hop(running, "bare", "bare")
        spans, floors, hops, fsyncs = [], [], [], []
        for pair in range(PAIRS + 10):
            first, second = (
                {"detector_name": name, "neutrino_time": (base + timedelta(seconds=20 * pair + offset)).isoformat()}
                for name, offset in (("JUNO", 0), ("XENONnT", 1))
            )
            wire.write(first)
            sleep(0.005)
            begin = monotonic()
            wire.write(second)
            written = monotonic()
            next(wire.records)
            spans.append((begin, written, monotonic()))
            two = [_bare_hop(bare, second) for _ in range(2)]
            fsync = _fsync(tmp_path / "fsync")
            hops.append(two[0])
            fsyncs.append(fsync)
            floors.append(sum(two) + fsync)
        wire.close()
        bare.close()
    stages = json.loads(server.stages.read_text())
    spans, floors, hops, fsyncs = spans[10:], floors[10:], hops[10:], fsyncs[10:]  # the first ones warm up
    total = report.samples(
        f"{broker}: second observation to alert in hand", [end - begin for begin, _, end in spans], "ms"
    )
    floor = report.samples("floor: two bare hops and one fsync", floors, "ms")
    report.samples("  a bare hop: write+flush to reader", hops, "ms")
    report.samples("  an fsync of 2 kB", fsyncs, "ms")
    report.samples("  observation's write+flush", [written - begin for begin, written, _ in spans], "ms")
    last = {name: [_within(stages[name], begin, end) for begin, _, end in spans] for name in stages}
    heard = [read[1] - begin for (begin, _, _), read in zip(spans, last["read"], strict=True) if read]
    report.samples("  write to the server's hand", heard, "ms")
    for name in ("decode", "decide", "write alert", "append", "log", "publish"):
        report.samples(f"  server: {name}", [each[1] - each[0] for each in last[name] if each], "ms")
    taken = [end - each[0] for (_, _, end), each in zip(spans, last["publish"], strict=True) if each]
    report.samples("  publish to the reader's hand", taken, "ms")
    for name in ("mark", "project"):
        report.samples(f"  afterwards: {name}", [end - begin for begin, end in stages[name]], "ms")
    p50, p99 = np.percentile(total, (50, 99)) / np.percentile(floor, (50, 99))
    report.note(f"observation to alert, {broker}: {p50:.1f} times the floor (medians), {p99:.1f} times (p99)")


def _bare_hop(bare: Hop, content: object) -> float:
    begin = monotonic()
    bare.write(content)
    next(bare.records)
    return monotonic() - begin


def _fsync(path: Path) -> float:
    begin = monotonic()
    with path.open("ab") as file:
        file.write(bytes(2048))
        file.flush()
        os.fsync(file.fileno())
    return monotonic() - begin


def _within(spans: list[tuple[float, float]], begin: float, end: float) -> tuple[float, float] | None:
    """Return the last span that ended between two times."""
    return next((span for span in reversed(spans) if begin <= span[1] <= end), None)
