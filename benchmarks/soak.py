"""A long run under a steady load: ``python -m benchmarks.soak [--minutes 30] [--rate 200] [--kafka]``.

Does memory stay flat, do files stay closed, does the way of an alert stay as short as it was, is nothing lost? Prints a
row for each tenth of the time, and ends with exit code 1 if anything was lost or decided otherwise than a replay does.

Two in five messages are heartbeats; the others are test observations 20 s apart, refinements, repeats and retractions
of them, which leave the cache after ten minutes. Once a second a pair of detectors coincides; its alert is awaited.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import numpy as np

from benchmarks.stages import running_server
from benchmarks.surroundings import TOPICS, started_broker
from snews_cs.inspection.replay import replay
from snews_cs.storage.entry import Entry
from snews_cs.storage.open import open_reader
from tests.support.hand import Hand
from tests.support.subscriber import Subscriber

DETECTORS = ("Super-K", "IceCube", "KM3NeT", "JUNO", "XENONnT", "SNO+", "LVD", "NOvA")
OBSERVATIONS, _, ALERTS = TOPICS
APART = timedelta(seconds=20)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BEGIN_OF_PAIRS = datetime(2036, 1, 1, tzinfo=UTC)
EXPIRATION_S = 600
ROWS = 10


class Load:
    """What the detectors say, from a seed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._said: list[dict[str, Any]] = []
        self._times = itertools.count()

    def message(self) -> dict[str, Any]:
        """Return the next message."""
        rng, kind = self._rng, self._rng.random()
        if kind < 0.4 or len(self._said) < 10:
            if len(self._said) < 10:
                return self._observation()
            return {**self._head("Heartbeat"), "detector_status": "ON"}
        if kind < 0.75:
            return self._observation()
        old = rng.choice(self._said)
        if kind < 0.85:
            return {**old, "uuid": self._head("")["uuid"], "p_val": rng.random()}
        if kind < 0.9:
            return old
        retraction = {**self._head("Retraction"), "detector_name": old["detector_name"]}
        return {**retraction, "retract_message_uuid": old["uuid"]}

    def _head(self, tier: str) -> dict[str, Any]:
        uuid = UUID(int=self._rng.getrandbits(128), version=4)
        return {"detector_name": self._rng.choice(DETECTORS), "tier": tier, "uuid": str(uuid), "is_test": True}

    def _observation(self) -> dict[str, Any]:
        said = {**self._head("CoincidenceTier"), "neutrino_time": (BEGIN + next(self._times) * APART).isoformat()}
        self._said = [*self._said[-99:], said]
        return said


def pair(number: int) -> Iterator[dict[str, Any]]:
    """Yield two observations that coincide with each other only."""
    for name in DETECTORS[:2]:
        when = BEGIN_OF_PAIRS + number * APART
        uuid = str(UUID(int=(number << 8) | DETECTORS.index(name), version=4))
        yield {
            "detector_name": name,
            "tier": "CoincidenceTier",
            "uuid": uuid,
            "neutrino_time": when.isoformat(),
            "is_test": True,
        }


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument(
        "--kafka", action="store_true", help="use Apache Kafka (`make services`), not the embedded broker"
    )
    arguments = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["XDG_CONFIG_HOME"] = str(directory)
        kind = "kafka" if arguments.kafka else "embedded"
        broker = stack.enter_context(started_broker(kind, directory))
        os.environ |= {"MSG_EXPIRATION": str(EXPIRATION_S), "MONITORING_ADDRESS": "off"}
        store = f"sqlite:///{directory / 'soak.sqlite'}"
        with (
            running_server(broker, store, directory) as server,
            Subscriber(broker.url(ALERTS)) as subscriber,
        ):
            hand = Hand(broker.url(OBSERVATIONS))
            sent = put_on(hand, subscriber, server.pid, arguments.minutes * 60, arguments.rate)
        return check(store, len(hand.written), subscriber, sent)


def put_on(hand: Hand, subscriber: Subscriber, pid: int, seconds: float, rate: float) -> dict[str, float]:
    """Publish until the time is over, and print how the server is; return when each pair was complete."""
    load, sent = Load(Random(0)), dict[str, float]()
    begin = time.monotonic()
    pairs, row_at, seen = 0, seconds / ROWS, 0
    print("minute  messages  resident MB  open files  threads  alert p50 ms  p99 ms  longest ms", flush=True)
    for number in itertools.count():
        now = time.monotonic() - begin
        if now >= row_at - 1e-9:
            print(_row(now, number, pid, list(sent.items())[seen:], subscriber), flush=True)
            row_at, seen = row_at + seconds / ROWS, len(sent)
            if now >= seconds:
                break
        if now >= pairs + 1:
            pairs += 1
            for content in pair(pairs):
                hand.write(json.dumps(content).encode())
            hand.flush()
            sent[(BEGIN_OF_PAIRS + pairs * APART).isoformat()[:19]] = time.time()
        hand.write(json.dumps(load.message()).encode())
        time.sleep(max(0.0, (number + 1) / rate - (time.monotonic() - begin)))
    hand.flush()
    time.sleep(2)
    return sent


def _row(now: float, messages: int, pid: int, pairs: list[tuple[str, float]], subscriber: Subscriber) -> str:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    values = dict(line.split(":", 1) for line in status.splitlines())
    resident = int(values["VmRSS"].split()[0]) * 1024 / 1e6
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    came = _came(subscriber)
    took = [came[name] - when for name, when in pairs if name in came]
    p50, p99, longest = np.percentile(np.asarray(took) * 1e3, (50, 99, 100)) if took else (np.nan,) * 3
    return (
        f"{now / 60:6.1f}  {messages:8}  {resident:11.1f}  {files:10}  {int(values['Threads']):7}"
        f"  {p50:12.1f}  {p99:6.1f}  {longest:10.1f}"
    )


def _came(subscriber: Subscriber) -> dict[str, float]:
    """Return when the alert of each pair first came, by the pair's neutrino time."""
    came: dict[str, float] = {}
    for alert in subscriber.received:
        came.setdefault(str(alert.content.get("neutrino_times", [""])[0])[:19], alert.arrived_unix_ns / 1e9)
    return came


def check(store: str, written: int, subscriber: Subscriber, sent: dict[str, float]) -> int:
    """Say what was lost, and return the exit code."""
    with closing(open_reader(store)) as reader:
        taken_in = differences = 0
        for each in replay(reader.entries()):
            taken_in += _is_message(each.entry)
            differences += each.difference is not None
        unpublished = len(reader.unpublished())
    missing = len(sent.keys() - _came(subscriber).keys())
    print(f"{written} messages acknowledged by the broker, {taken_in} in the journal, {differences} decided otherwise")
    print(f"{len(sent)} pairs, {missing} without an alert, {unpublished} entries with alerts that are not marked")
    return int(bool(written - taken_in or differences or missing or unpublished))


def _is_message(entry: Entry) -> bool:
    return entry.raw.partition >= 0


if __name__ == "__main__":
    sys.exit(main())
