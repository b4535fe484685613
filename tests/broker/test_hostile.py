"""What is sent that is no Kafka request, or meant to harm, neither stops the broker nor makes it grow."""

import contextlib
import random
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from snews_cs.broker import protocol
from snews_cs.broker.process import BrokerProcess
from tests.broker.clients import read, write
from tests.broker.records import TRANSACTIONAL, batch

TIMEOUT = 10.0
GROWTH_KB = 20_000


@pytest.fixture
def unharmed(broker: BrokerProcess, topic: str) -> Iterator[tuple[str, int]]:
    """Give the broker's address; afterwards it must be as it was, and serve."""
    write(broker.plain_address, topic, [b"before"])
    before = memory_kb(broker)
    host, port = broker.plain_address.split(":")
    yield host, int(port)
    write(broker.plain_address, topic, [b"after"])
    assert [message.value() for message in read(broker.plain_address, topic, 2)] == [b"before", b"after"]
    assert memory_kb(broker) - before < GROWTH_KB


def memory_kb(broker: BrokerProcess) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{broker.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def send(address: tuple[str, int], data: bytes, *, finish: bool = True) -> bytes:
    """Send bytes and return what comes back until the broker closes the connection."""
    with socket.create_connection(address, TIMEOUT) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):  # it closes while there is more to come, and that is right
            connection.sendall(data)
            if finish:
                connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(1 << 16):
                answer += received
        return answer


def request(key: int, version: int, body: bytes = b"", *, correlation_id: int = 1) -> bytes:
    frame = struct.pack(">hhih", key, version, correlation_id, -1) + body
    return struct.pack(">i", len(frame)) + frame


def test_random_bytes(unharmed: tuple[str, int], rng: random.Random) -> None:
    for _ in range(200):
        send(unharmed, rng.randbytes(rng.randrange(2000)))


def test_random_bytes_after_an_honest_header(unharmed: tuple[str, int], rng: random.Random) -> None:
    for key, (lowest, highest) in protocol.ADVERTISED.items():
        for version in range(lowest, highest + 1):
            send(unharmed, request(key, version, rng.randbytes(rng.randrange(200))))


def test_a_tls_hello(unharmed: tuple[str, int]) -> None:
    context = ssl.create_default_context()
    for _ in range(20):
        with socket.create_connection(unharmed, TIMEOUT) as connection, pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(connection, server_hostname="localhost")


def test_http(unharmed: tuple[str, int]) -> None:
    assert send(unharmed, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", finish=False) == b""


@pytest.mark.parametrize("size", [protocol.MAX_FRAME_BYTES + 1, 2**31 - 1, -1, 0, 3])
def test_frames_of_impossible_length_end_the_connection(unharmed: tuple[str, int], size: int) -> None:
    assert send(unharmed, struct.pack(">i", size) + bytes(1000), finish=False) == b""


def test_frames_that_do_not_come_to_an_end(unharmed: tuple[str, int]) -> None:
    connections = [socket.create_connection(unharmed, TIMEOUT) for _ in range(100)]
    for connection in connections:
        connection.sendall(struct.pack(">i", protocol.MAX_FRAME_BYTES) + bytes(1000))
    for connection in connections:
        connection.close()


def test_a_client_who_reads_nothing(unharmed: tuple[str, int]) -> None:
    with socket.create_connection(unharmed, TIMEOUT) as connection:
        connection.settimeout(0.2)
        question = request(protocol.METADATA, 1, b"\xff\xff\xff\xff")
        with pytest.raises(TimeoutError):
            connection.sendall(question * 1_000_000)


def test_whoever_has_not_logged_in_may_send_little_and_ask_nothing(broker: BrokerProcess) -> None:
    host, port = broker.address.split(":")
    for data in (
        struct.pack(">i", protocol.MAX_STRANGER_FRAME_BYTES + 1) + bytes(1000),
        request(protocol.METADATA, 1, b"\xff\xff\xff\xff"),
        request(protocol.CREATE_TOPICS, 2, bytes(9)),
    ):
        assert send((host, int(port)), data, finish=False) == b""


@pytest.mark.parametrize(("version", "error"), [(0, 0), (3, 0), (4, 35), (99, 35)])
def test_api_versions_are_told_to_everybody(unharmed: tuple[str, int], version: int, error: int) -> None:
    answer = send(unharmed, request(protocol.API_VERSIONS, version, b"\x05test\x021\0"))
    size, correlation_id, code = struct.unpack_from(">iih", answer)
    assert (size, correlation_id, code) == (len(answer) - 4, 1, error)
    if version != 3:
        (count,) = struct.unpack_from(">i", answer, 10)
        told = {key: (low, high) for key, low, high in struct.iter_unpack(">hhh", answer[14 : 14 + 6 * count])}
        assert told == protocol.ADVERTISED


@pytest.mark.parametrize(
    ("records", "acks", "error"),
    [
        (batch(), 1, 0),
        (batch(), 2, 21),
        (batch()[:-1] + b"?", 1, 2),
        (batch() + batch(), 1, 2),
        (b"", 1, 2),
        (None, 1, 87),
        (batch(attributes=TRANSACTIONAL, producer_id=1, epoch=0, sequence=0), 1, 53),
    ],
)
def test_what_becomes_of_batches(unharmed: tuple[str, int], records: bytes | None, acks: int, error: int) -> None:
    topic = b"batches"
    create = struct.pack(">ih", 1, len(topic)) + topic
    send(unharmed, request(protocol.METADATA, 1, create))
    written = struct.pack(">i", -1) if records is None else struct.pack(">i", len(records)) + records
    body = struct.pack(">hhiih", -1, acks, 1000, 1, len(topic)) + topic + struct.pack(">ii", 1, 0) + written
    answer = send(unharmed, request(protocol.PRODUCE, 3, body))
    assert struct.unpack_from(">h", answer, 8 + 4 + 2 + len(topic) + 4 + 4) == (error,)
