"""Records that no decent client writes: a Produce request made by hand."""

import socket
import struct

import crc32c


def produce_headers(address: str, topic: str, value: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Write one record with header names of any bytes."""
    name = topic.encode()
    batch = _batch(value, headers)
    request = struct.pack(">hhih", 0, 7, 1, -1) + struct.pack(">hhii", -1, -1, 5000, 1)
    request += struct.pack(">h", len(name)) + name + struct.pack(">iii", 1, 0, len(batch)) + batch
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(4096)
    (error,) = struct.unpack_from(">h", answer, 4 + 4 + 4 + 2 + len(name) + 4 + 4)
    assert error == 0, f"the broker refuses the batch: error {error}"


def _batch(value: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    record = b"\0" + _varint(0) + _varint(0) + _varint(-1) + _sized(value) + _varint(len(headers))
    record += b"".join(_sized(name) + _sized(content) for name, content in headers)
    body = struct.pack(">hiqqqhii", 0, 0, 0, 0, -1, -1, -1, 1) + _sized(record)
    head = struct.pack(">ibI", 0, 2, crc32c.crc32c(body))
    return struct.pack(">qi", 0, len(head) + len(body)) + head + body


def _sized(data: bytes) -> bytes:
    return _varint(len(data)) + data


def _varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
