"""Claims: of all who want to take over an entry's alerts, one may, and only while they are not published."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from tests.contract.storage.conftest import Place
from tests.storage.builders import make_alerting, make_entry


@pytest.fixture
def entry(storage: Storage) -> Entry:
    """Return an entry that waits to be published."""
    appended = make_alerting(1)
    storage.append([appended])
    return appended


class TestUnmarked:
    """Which entries wait to be published, and who is to publish them."""

    def test_at_first_it_is_who_appended_them(self, storage: Storage) -> None:
        entries = [make_alerting(1), make_entry(2), make_alerting(3), make_alerting(4)]
        storage.append(entries)
        assert storage.unmarked([1, 2, 3, 5]) == {1: entries[0].attempt, 3: entries[2].attempt}
        assert storage.unmarked([]) == {}

    def test_none_that_is_marked(self, storage: Storage, entry: Entry) -> None:
        storage.mark_published(1)
        assert storage.unmarked([1]) == {}


class TestClaiming:
    """A claim is set if it is what was expected."""

    def test_it_is_seen_everywhere(self, place: Place, storage: Storage, entry: Entry) -> None:
        assert storage.claim(1, entry.attempt, "second")
        with closing(place.look()) as reader:
            for each in (storage, reader):
                assert each.unmarked([1]) == {1: "second"}
                found = [each.entry(1), *each.entries(), *each.unpublished()]
                assert [(one.claim, one.attempt) for one in found if one] == [("second", entry.attempt)] * 3

    def test_one_follows_another(self, storage: Storage, entry: Entry) -> None:
        assert storage.claim(1, entry.attempt, "second")
        assert storage.claim(1, "second", "third")
        assert storage.unmarked([1]) == {1: "third"}

    def test_what_was_expected_is_not_so_any_more(self, storage: Storage, entry: Entry) -> None:
        assert storage.claim(1, entry.attempt, "second")
        assert not storage.claim(1, entry.attempt, "third")
        assert not storage.claim(1, "elsewhere", "third")
        assert storage.unmarked([1]) == {1: "second"}

    def test_not_after_the_mark(self, storage: Storage, entry: Entry) -> None:
        storage.mark_published(1)
        assert not storage.claim(1, entry.attempt, "second")
        assert storage.unmarked([1]) == {}

    def test_no_such_entry(self, storage: Storage, entry: Entry) -> None:
        assert not storage.claim(2, entry.attempt, "second")

    def test_each_entry_has_its_own(self, storage: Storage) -> None:
        entries = [make_alerting(1), make_alerting(2)]
        storage.append(entries)
        assert storage.claim(1, entries[0].attempt, "second")
        assert storage.unmarked([1, 2]) == {1: "second", 2: entries[1].attempt}

    def test_it_outlives_who_made_it(self, place: Place) -> None:
        entry = make_alerting(1)
        with closing(place.open()) as first:
            first.append([entry])
            assert first.claim(1, entry.attempt, "second")
        with closing(place.open()) as again:
            assert again.unmarked([1]) == {1: "second"}
            assert not again.claim(1, entry.attempt, "third")
            assert again.mark_published(1)

    def test_a_dropped_store_knows_none(self, storage: Storage, entry: Entry) -> None:
        assert storage.claim(1, entry.attempt, "second")
        storage.drop()
        storage.append([entry])
        assert storage.unmarked([1]) == {1: entry.attempt}
        assert storage.claim(1, entry.attempt, "third")


RACERS = 3
ENTRIES = 40


def test_of_racing_servers_one_wins_each_entry(place: Place, storage: Storage) -> None:
    entries = [make_alerting(number) for number in range(1, ENTRIES + 1)]
    storage.append(entries)
    start = Barrier(RACERS)

    def race(name: str) -> set[int]:
        won = set()
        with closing(place.open()) as mine:
            for entry in entries:
                start.wait()
                try:
                    if mine.claim(entry.sequence, entry.attempt, name):
                        won.add(entry.sequence)
                except StoreUnreachable:  # a busy machine: then the store says whose it is
                    if mine.unmarked([entry.sequence]).get(entry.sequence) == name:
                        won.add(entry.sequence)
        return won

    names = [f"racer {number}" for number in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as pool:
        won = dict(zip(names, pool.map(race, names), strict=True))
    claims = storage.unmarked(range(1, ENTRIES + 1))
    assert claims == {sequence: name for name, sequences in won.items() for sequence in sequences}
    assert sum(map(len, won.values())) == len(claims) == ENTRIES
