"""What the broker reads of a record batch."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snews_cs.broker.batch import Batch, CorruptBatch, sequence_after
from tests.broker.records import GZIP, TRANSACTIONAL, batch, seal, varint

NOON = 1_700_000_000_000


def test_header_says_what_the_producer_put_there() -> None:
    found = Batch.read(batch([b"a", b"b"], timestamps=[NOON, NOON + 7], producer_id=5, epoch=1, sequence=40))
    assert (found.count, found.first_timestamp, found.max_timestamp) == (2, NOON, NOON + 7)
    assert (found.producer_id, found.producer_epoch, found.base_sequence) == (5, 1, 40)
    assert found.is_idempotent
    assert not found.is_transactional


def test_flags() -> None:
    assert Batch.read(batch(attributes=TRANSACTIONAL)).is_transactional
    assert not Batch.read(batch()).is_idempotent


def test_a_batch_is_placed_at_its_offset_and_its_checksum_still_holds() -> None:
    placed = Batch.read(batch([b"a", b"b"])).placed_at(2**40)
    assert struct.unpack_from(">q", placed) == (2**40,)
    assert Batch.read(placed).count == 2


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=20))
def test_timestamps_of_the_records_come_out_as_they_went_in(deltas: list[int]) -> None:
    timestamps = [NOON + delta for delta in deltas]
    assert list(Batch.read(batch([b"x"] * len(deltas), timestamps=timestamps)).timestamps()) == timestamps


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "less than a header"),
        (batch()[:60], "less than a header"),
        (batch()[:-1], "is announced"),
        (batch() + batch(), "is announced"),
        (batch()[:16] + b"\x01" + batch()[17:], "record format 1"),
        (batch()[:-1] + b"\xff", "checksum"),
        (seal(struct.pack(">hiqqqhii", 0, 0, NOON, NOON, -1, -1, -1, 2)), "2 records"),
        (seal(struct.pack(">hiqqqhii", 0, -1, NOON, NOON, -1, -1, -1, 0)), "0 records"),
    ],
)
def test_what_is_not_one_whole_batch_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CorruptBatch, match=reason):
        Batch.read(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(data: bytes) -> None:
    with pytest.raises(CorruptBatch):
        Batch.read(data)


@pytest.mark.parametrize(
    "records",
    [
        b"",
        b"\xff" * 1000,
        varint(-5) * 40,
        varint(6),
        varint(1000) + b"\0\0",
    ],
)
def test_records_that_lie_about_their_length_are_found_out(records: bytes) -> None:
    count = 2**31 - 1
    found = Batch.read(seal(struct.pack(">hiqqqhii", 0, count - 1, NOON, NOON, -1, -1, -1, count) + records))
    with pytest.raises(CorruptBatch):
        list(found.timestamps())


def test_compressed_records_are_not_looked_into() -> None:
    with pytest.raises(CorruptBatch, match="compressed"):
        list(Batch.read(batch(attributes=GZIP)).timestamps())


def test_sequence_numbers_wrap() -> None:
    assert sequence_after(0, 5) == 5
    assert sequence_after(2**31 - 1, 1) == 0
    assert sequence_after(2**31 - 3, 5) == 2
