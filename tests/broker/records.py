"""Record batches made by hand, as a producer would send them."""

import gzip
import struct
from collections.abc import Sequence

from crc32c import crc32c

GZIP = 1
TRANSACTIONAL = 0x10


def batch(
    values: Sequence[bytes] = (b"value",),
    *,
    timestamps: Sequence[int] | None = None,
    attributes: int = 0,
    producer_id: int = -1,
    epoch: int = -1,
    sequence: int = -1,
) -> bytes:
    """Return one batch (magic 2) of records without key or headers; timestamps in ms since 1970."""
    timestamps = timestamps or [1_700_000_000_000 + number for number in range(len(values))]
    records = b"".join(
        _record(number, timestamp - timestamps[0], value)
        for number, (timestamp, value) in enumerate(zip(timestamps, values, strict=True))
    )
    if attributes & 7 == GZIP:
        records = gzip.compress(records)
    covered = struct.pack(
        ">hiqqqhii",
        attributes, len(values) - 1, timestamps[0], max(timestamps), producer_id, epoch, sequence, len(values),
    )  # fmt: skip
    return seal(covered + records)


def seal(covered: bytes) -> bytes:
    """Return the batch of which ``covered`` is the part that its checksum covers."""
    return struct.pack(">qiibI", 0, len(covered) + 9, -1, 2, crc32c(covered)) + covered


def _record(number: int, delta: int, value: bytes) -> bytes:
    body = b"\0" + varint(delta) + varint(number) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def varint(value: int) -> bytes:
    """Return a number in zigzag encoding of variable length."""
    rest = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)
