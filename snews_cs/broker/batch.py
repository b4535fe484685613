"""The header of a record batch, which is all that this broker reads of one.

Batches are stored and served as the producer sent them, compressed or not, with the offset of their first record put
in. Layout: https://kafka.apache.org/documentation/#recordbatch (magic 2).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from crc32c import crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC_START = 21  # of the bytes that the checksum covers: neither the offset nor the length are among them
_BASE_OFFSET = struct.Struct(">q")
_MAGIC = 2
_COMPRESSION_MASK = 0x07
_TRANSACTIONAL = 0x10
_CONTROL = 0x20
_SEQUENCES = 1 << 31
_SHORTEST_RECORD = 6  # bytes after its length
_LONGEST_VARINT = 10

NO_PRODUCER_ID = -1


class CorruptBatch(Exception):
    """The bytes are not one whole record batch of the only format that is still in use."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A record batch: its bytes, and what its header says.

    Timestamps are milliseconds since 1970 (UTC), as given by the producer.
    """

    data: bytes
    count: int
    first_timestamp: int
    max_timestamp: int
    attributes: int
    producer_id: int
    producer_epoch: int
    base_sequence: int

    @classmethod
    def read(cls, data: bytes) -> "Batch":
        """Read and check the header of what is to be exactly one batch.

        Raises
        ------
        CorruptBatch
            If it is not, or if its checksum is wrong.
        """
        if len(data) < _HEADER.size:
            raise CorruptBatch(f"{len(data)} bytes are less than a header")
        (
            _, length, _, magic, checksum, attributes, last_offset_delta,
            first_timestamp, max_timestamp, producer_id, producer_epoch, base_sequence, count,
        ) = _HEADER.unpack_from(data)  # fmt: skip
        if magic != _MAGIC:
            raise CorruptBatch(f"record format {magic} is not supported")
        if length + 12 != len(data):
            raise CorruptBatch(f"one batch of {length + 12} bytes is announced, {len(data)} came")
        if crc32c(memoryview(data)[_CRC_START:]) != checksum:
            raise CorruptBatch("the checksum is wrong")
        if count < 1 or last_offset_delta != count - 1:
            raise CorruptBatch(f"{count} records with a last offset delta of {last_offset_delta}")
        return cls(data, count, first_timestamp, max_timestamp, attributes, producer_id, producer_epoch, base_sequence)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch is part of a transaction, or marks the end of one."""
        return bool(self.attributes & (_TRANSACTIONAL | _CONTROL))

    @property
    def is_idempotent(self) -> bool:
        """Whether the producer numbers its records, so that repeats can be told."""
        return self.producer_id != NO_PRODUCER_ID

    def placed_at(self, offset: int) -> bytes:
        """Return the bytes of the batch with ``offset`` as that of its first record."""
        return _BASE_OFFSET.pack(offset) + self.data[_BASE_OFFSET.size :]

    def timestamps(self) -> Iterator[int]:
        """Yield the timestamp of each record.

        Raises
        ------
        CorruptBatch
            If the records are compressed, or are not what the header says.
        """
        if self.attributes & _COMPRESSION_MASK:
            raise CorruptBatch("the records are compressed")
        position = _HEADER.size
        try:
            for _ in range(self.count):
                length, start = _varint(self.data, position)
                if length < _SHORTEST_RECORD:
                    raise CorruptBatch(f"a record of {length} bytes is announced")
                delta, _ = _varint(self.data, start + 1)  # after the record's attributes
                yield self.first_timestamp + delta
                position = start + length
        except IndexError as error:
            raise CorruptBatch("a record ends after the batch") from error


def sequence_after(base_sequence: int, count: int) -> int:
    """Return the sequence number that follows ``count`` records numbered from ``base_sequence``; they wrap at 2^31."""
    return (base_sequence + count) % _SEQUENCES


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a zigzag-encoded number of variable length; return it and the position after it."""
    value = 0
    for length in range(_LONGEST_VARINT):
        byte = data[position + length]
        value |= (byte & 0x7F) << 7 * length
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position + length + 1
    raise CorruptBatch("a number does not end")
