"""Many observations at once: how fast they are taken in, what 100,000 live ones cost in memory and at a restart.

Targets, over Kafka: a backlog drains at 5,000/s into SQLite and 2,000/s into a MongoDB-protocol server; at most 300 MB
resident; restart to first message handled at most 10 s. What counts as taken in is durable and projected.
"""

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from time import monotonic, sleep
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from benchmarks.conftest import Report
from benchmarks.stages import running_server
from benchmarks.surroundings import TOPICS, Broker, started_broker, started_store
from benchmarks.traffic import bursts, observation
from snews_cs.errors import StoreUnreachable
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Observation
from snews_cs.storage.open import open_reader
from snews_cs.storage.protocol import StoreReader

LIVE = 100_000
BURSTS = 500
SURROUNDINGS = [("embedded", "sqlite"), ("kafka", "sqlite"), ("kafka", "mongodb")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("broker", "store"), SURROUNDINGS)
def test_backlog(report: Report, tmp_path: Path, broker: str, store: str) -> None:
    with started_broker(broker, tmp_path) as running, started_store(store, tmp_path) as address:
        publish(running, map(observation, range(LIVE)))
        with running_server(running, address, tmp_path) as server:
            begin, used = monotonic(), server.cpu_s()
            wait_for(address, LIVE)
            rate, each_us = LIVE / (monotonic() - begin), (server.cpu_s() - used) / LIVE * 1e6
            sleep(2)  # the last snapshot is taken when nothing comes any more
            report.note(
                f"{LIVE:,} observations, {broker} to {store}: {rate:,.0f}/s, {each_us:.0f} us of processor time"
                f" each; resident {server.resident_mb():.0f} MB"
            )
        if store == "mongodb":  # FerretDB looks at all of the journal for what is unpublished
            return
        with running_server(running, address, tmp_path) as server:
            publish(running, [observation(LIVE)])
            wait_for(address, LIVE + 1)
            report.note(
                f"restart with {LIVE:,} live: first message handled after {monotonic() - server.started:.1f} s; "
                f"resident {server.resident_mb():.0f} MB"
            )


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("broker", "store"), SURROUNDINGS)
def test_dense_bursts(report: Report, tmp_path: Path, broker: str, store: str) -> None:
    """Bursts of 20 detectors within 10 s, one message after the other: 19 alerts each, published one by one."""
    messages = list(bursts(BURSTS, Random(20)))
    with started_broker(broker, tmp_path) as running, started_store(store, tmp_path) as address:
        publish(running, messages)
        with running_server(running, address, tmp_path):
            begin = monotonic()
            wait_for(address, len(messages))
            rate = len(messages) / (monotonic() - begin)
            report.note(f"{BURSTS} bursts of 20 detectors, {broker} to {store}: {rate:,.0f}/s, 19 alerts in 20")


def publish(broker: Broker, observations: Iterable[Observation]) -> None:
    """Write observations as detectors do, as fast as the broker takes them."""
    producer = Producer({"bootstrap.servers": broker.plain_address, "linger.ms": 20, "log_level": 0})
    for message in observations:
        content = {
            "detector_name": message.detector_name,
            "uuid": message.message_uuid,
            "neutrino_time": format_utc(message.neutrino_time_ns),
            "p_val": message.p_value,
            "is_test": True,
        }
        headers: list[tuple[str, str | bytes | None]] = [("_id", uuid4().bytes), ("_format", b"json")]
        while len(producer) > 50_000:
            producer.poll(0.1)
        producer.produce(TOPICS[0], json.dumps(content).encode(), headers=headers)
    assert producer.flush(60) == 0


def wait_for(store: str, messages: int) -> None:
    """Wait until so many messages are in the journal and in its projections."""
    end = monotonic() + 300
    with closing(open_reader(store)) as reader:
        while _projected(reader) < messages + 1:  # one entry is of the server's parameters
            if monotonic() > end:
                raise TimeoutError("it did not come to an end")
            sleep(0.1)


def _projected(reader: StoreReader) -> int:
    try:
        return reader.projected()
    except StoreUnreachable:  # too busy with what is measured
        return 0
