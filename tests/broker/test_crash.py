"""Killed at random moments (SIGKILL), the broker loses nothing that it acknowledged and takes nothing twice."""

import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.process import BrokerProcess, start_broker
from tests.broker.clients import PATIENCE, end_offset, read

ROUNDS = 10
"""Each with two kills."""
TOPIC = "crash"

DIES_WRITING = """
import os, signal
from snews_cs.broker.__main__ import main
from snews_cs.broker.database import Database

execute, left = Database.execute, {transactions}

def execute_and_die(self, statement, values=()):
    global left
    left -= statement == "COMMIT"
    if left == 0 and {commits}:
        execute(self, statement, values)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(self, statement, values)

Database.execute = execute_and_die
main()
"""
"""A broker that kills itself just before or just after a transaction is written, in any case before it tells."""


class Writer(threading.Thread):
    """Writes numbered messages one after the other, and notes each that is acknowledged."""

    def __init__(self, address: str, partition: int, *, idempotent: bool) -> None:
        super().__init__()
        self.partition = partition
        self.acknowledged: dict[int, int] = {}
        self.sent = 0
        self._stopped = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": idempotent,
                "linger.ms": 1,
                "batch.num.messages": 10,
                "message.timeout.ms": 60_000,
                "retry.backoff.ms": 10,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 50,
                "log_level": 0,
                "error_cb": lambda error: None,
            }
        )

    def run(self) -> None:
        while not self._stopped.is_set():
            if len(self._producer) < 200:
                self._producer.produce(TOPIC, b"%d" % self.sent, partition=self.partition, on_delivery=self._note)
                self.sent += 1
            self._producer.poll(0.001 if self.sent % 10 == 0 else 0)
        assert self._producer.flush(60) == 0

    def _note(self, error: Any, message: Any) -> None:
        assert error is None, error
        self.acknowledged[int(message.value())] = message.offset()

    def stop(self) -> None:
        """Write no more, and wait until all is acknowledged."""
        self._stopped.set()
        self.join()

    def give_up(self) -> None:
        """Wait for nothing."""
        self._stopped.set()
        self._producer.purge()


def test_nothing_acknowledged_is_lost_and_nothing_is_taken_twice(tmp_path: Path, rng: random.Random) -> None:
    process = start_broker(tmp_path, topics=[TOPIC], partitions=2)
    port = process.ports[0]
    writers = [Writer(process.address, 0, idempotent=True), Writer(process.address, 1, idempotent=False)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(ROUNDS):
            noted = [len(writer.acknowledged) for writer in writers]
            ends = [end_offset(process.address, TOPIC, partition=writer.partition) for writer in writers]
            assert all(end >= count for end, count in zip(ends, noted, strict=True))
            _wait_for_progress(rng.choice(writers), rng.randrange(1, 100))
            process.kill()
            _die_writing(tmp_path, port, rng)
            process = start_broker(tmp_path, port=port)
        for writer in writers:
            writer.stop()
        _check(process, *writers)
    finally:
        process.stop()
        for writer in writers:
            writer.give_up()


def _wait_for_progress(writer: Writer, count: int) -> None:
    enough = len(writer.acknowledged) + count
    end = time.monotonic() + PATIENCE
    while len(writer.acknowledged) < enough:
        assert time.monotonic() < end
        time.sleep(0.001)


def _die_writing(data: Path, port: int, rng: random.Random) -> None:
    class DyingBroker(BrokerProcess):
        _program = ("-c", DIES_WRITING.format(transactions=rng.randrange(2, 20), commits=rng.random() < 0.5))

    with DyingBroker(BrokerConfig(data, port=port)) as dying:
        assert dying._process.wait(PATIENCE) == -signal.SIGKILL


def _check(process: BrokerProcess, idempotent: Writer, plain: Writer) -> None:
    for writer in (idempotent, plain):
        end = end_offset(process.address, TOPIC, partition=writer.partition)
        messages = read(process.address, TOPIC, end, partition=writer.partition)
        stored = {message.offset(): int(message.value()) for message in messages}
        assert len(writer.acknowledged) == writer.sent > ROUNDS
        assert all(stored[offset] == number for number, offset in writer.acknowledged.items())
        if writer is idempotent:
            assert list(stored.values()) == list(range(writer.sent))


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_committed_offsets_survive(tmp_path: Path, end: str) -> None:
    process = start_broker(tmp_path, topics=[TOPIC])
    consumer = Consumer({"bootstrap.servers": process.address, "group.id": "g"})
    consumer.commit(offsets=[TopicPartition(TOPIC, 0, 17)], asynchronous=False)
    consumer.close()
    getattr(process, end)()
    with start_broker(tmp_path) as process:
        consumer = Consumer({"bootstrap.servers": process.address, "group.id": "g"})
        (committed,) = consumer.committed([TopicPartition(TOPIC, 0)], timeout=PATIENCE)
        consumer.close()
    assert committed.offset == 17
