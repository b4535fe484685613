"""Snapshots: the newest complete one, of any size, and never more than two."""

import random
from contextlib import closing

from snews_cs.storage.protocol import Storage
from tests.contract.storage.conftest import Place


def test_there_is_none_at_first(storage: Storage) -> None:
    assert storage.latest_snapshot() is None


def test_the_newest_counts(place: Place, storage: Storage) -> None:
    for sequence in (1_000, 2_000, 3_000):
        storage.save_snapshot(sequence, b"state %d" % sequence)
    assert storage.latest_snapshot() == (3_000, b"state 3000")
    with closing(place.open()) as other:
        assert other.latest_snapshot() == (3_000, b"state 3000")


def test_one_that_comes_late_does_not(storage: Storage) -> None:
    for sequence in (3_000, 2_000, 1_000):
        storage.save_snapshot(sequence, b"state %d" % sequence)
    assert storage.latest_snapshot() == (3_000, b"state 3000")


def test_one_of_the_same_entry_replaces_it(storage: Storage) -> None:
    storage.save_snapshot(1_000, b"of an older version")
    storage.save_snapshot(1_000, b"of a newer version")
    assert storage.latest_snapshot() == (1_000, b"of a newer version")


def test_an_empty_one(storage: Storage) -> None:
    storage.save_snapshot(0, b"")
    assert storage.latest_snapshot() == (0, b"")


def test_one_larger_than_a_mongodb_document(storage: Storage, rng: random.Random) -> None:
    state = rng.randbytes(17 * 2**20 + 1)
    storage.save_snapshot(1_000, state)
    found = storage.latest_snapshot()
    assert found is not None
    assert found[0] == 1_000
    assert found[1] == state  # pytest would take minutes to show how 17 MiB differ: it is not asked unless they do


def test_one_that_repeats_itself_a_lot(storage: Storage) -> None:
    storage.save_snapshot(1_000, bytes(2**24))
    assert storage.latest_snapshot() == (1_000, bytes(2**24))
