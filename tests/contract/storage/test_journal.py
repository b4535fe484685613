"""The journal: every store keeps entries gapless, exactly and durably, and says who came second."""

from contextlib import closing

import pytest

from snews_cs.errors import AppendConflict, StorageError
from snews_cs.messages.types import Message, Verdict
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from tests.contract.storage.conftest import Place
from tests.storage.builders import (
    FULL_OUTCOME,
    LARGE,
    MESSAGES,
    ODD,
    RAWS,
    make_alerting,
    make_entries,
    make_entry,
    make_raw,
    make_refused,
)


def sequences(storage: Storage) -> list[int]:
    return [entry.sequence for entry in storage.entries()]


class TestAppending:
    """Entries are appended in order, one by one or in groups."""

    def test_a_new_journal_is_empty(self, storage: Storage) -> None:
        assert storage.last_sequence() == 0
        assert storage.entry(1) is None
        assert list(storage.entries()) == []
        assert storage.unpublished() == []

    def test_entries_come_back_in_order(self, storage: Storage) -> None:
        first, *rest = make_entries(1, 5)
        storage.append([first])
        storage.append(rest)
        assert list(storage.entries()) == [first, *rest]
        assert list(storage.entries(after=3)) == rest[2:]
        assert list(storage.entries(after=5)) == []
        assert storage.entry(4) == rest[2]
        assert storage.entry(6) is None
        assert storage.last_sequence() == 5

    def test_no_entries_are_no_entry(self, storage: Storage) -> None:
        storage.append([])
        assert storage.last_sequence() == 0

    def test_more_entries_than_are_read_at_once(self, storage: Storage) -> None:
        storage.append(make_entries(1, 205))
        assert sequences(storage) == list(range(1, 206))
        assert [entry.sequence for entry in storage.entries(after=100)] == list(range(101, 206))

    def test_what_is_appended_while_reading_is_read(self, storage: Storage) -> None:
        storage.append(make_entries(1, 101))
        reading = storage.entries()
        next(reading)
        storage.append(make_entries(102, 103))
        assert [entry.sequence for entry in reading] == list(range(2, 104))

    def test_another_process_finds_it_later(self, place: Place) -> None:
        entries = make_entries(1, 3)
        with closing(place.open()) as storage:
            storage.append(entries)
        with closing(place.open()) as storage:
            assert list(storage.entries()) == entries
            storage.append(make_entries(4, 4))
            assert storage.last_sequence() == 4

    def test_an_entry_cannot_leave_a_gap(self, storage: Storage) -> None:
        storage.append(make_entries(1, 2))
        with pytest.raises(StorageError, match="entry 3 is missing before entry 4"):
            storage.append([make_entry(4)])
        with pytest.raises(StorageError, match="entry 4 is missing before entry 5"):
            storage.append([make_entry(3), make_entry(5)])
        assert sequences(storage) == [1, 2]


class TestConflicts:
    """Who comes second is told, and nothing of theirs stands but what came before."""

    def test_a_number_is_given_once(self, storage: Storage) -> None:
        mine, theirs = make_entry(1), make_entry(1, raw=make_raw(99))
        storage.append([mine])
        with pytest.raises(AppendConflict, match="entry 1: its number is in the journal already"):
            storage.append([theirs])
        assert storage.entry(1) == mine

    def test_a_message_is_entered_once(self, storage: Storage) -> None:
        storage.append(make_entries(1, 2))
        with pytest.raises(AppendConflict, match="entry 3: its key is in the journal already"):
            storage.append([make_entry(3, raw=make_raw(1))])
        assert sequences(storage) == [1, 2]

    @pytest.mark.parametrize("duplicate_of", [1, 4])
    def test_a_duplicate_within_a_group(self, place: Place, storage: Storage, duplicate_of: int) -> None:
        storage.append(make_entries(1, 2))
        group = [make_entry(3), make_entry(4), make_entry(5, raw=make_raw(duplicate_of)), make_entry(6)]
        with pytest.raises(AppendConflict, match="entry 5: its key"):
            storage.append(group)
        assert sequences(storage) == [1, 2] + ([] if place.is_transactional else [3, 4])

    def test_a_group_that_begins_too_early(self, storage: Storage) -> None:
        storage.append(make_entries(1, 3))
        with pytest.raises(AppendConflict, match="entry 2: its number"):
            storage.append([make_entry(n, raw=make_raw(n + 50)) for n in range(2, 6)])
        assert sequences(storage) == [1, 2, 3]

    def test_the_next_append_succeeds(self, storage: Storage) -> None:
        storage.append(make_entries(1, 2))
        with pytest.raises(AppendConflict):
            storage.append([make_entry(2, raw=make_raw(99))])
        storage.append([make_entry(3, raw=make_raw(99))])
        assert sequences(storage) == [1, 2, 3]

    def test_two_servers_share_the_journal(self, place: Place, storage: Storage) -> None:
        with closing(place.open()) as other:
            storage.append(make_entries(1, 2))
            other.append(make_entries(3, 3))
            with pytest.raises(AppendConflict, match="number"):
                storage.append([make_entry(3, raw=make_raw(99))])
            storage.append([make_entry(4, raw=make_raw(99))])
            assert sequences(other) == sequences(storage) == [1, 2, 3, 4]

    def test_an_append_in_doubt_is_known_by_its_attempt(self, storage: Storage) -> None:
        entry = make_entry(1)
        storage.append([entry])
        with pytest.raises(AppendConflict):
            storage.append([entry])
        found = storage.entry(1)
        assert found is not None
        assert found.attempt == entry.attempt

    def test_known_keys(self, storage: Storage) -> None:
        entries = make_entries(1, 3)
        storage.append(entries)
        unknown = make_raw(9).key
        assert storage.known_keys([entries[0].key, unknown, entries[2].key]) == {entries[0].key, entries[2].key}
        assert storage.known_keys([unknown]) == frozenset()
        assert storage.known_keys([]) == frozenset()


class TestRoundTrip:
    """What comes back is what was given, down to the types: compared as text, too, since 1 == 1.0 == True."""

    def _check(self, storage: Storage, entry: Entry) -> None:
        storage.append([entry])
        found = storage.entry(entry.sequence)
        assert found == entry
        assert repr(found) == repr(entry)

    @pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
    def test_messages(self, storage: Storage, message: Message) -> None:
        self._check(storage, make_entry(1, message=message))

    @pytest.mark.parametrize("raw", RAWS, ids=["nothing", "everything", "empty"])
    def test_records(self, storage: Storage, raw: object) -> None:
        self._check(storage, make_entry(1, raw=raw))

    def test_outcomes(self, storage: Storage) -> None:
        self._check(storage, make_entry(1, outcome=FULL_OUTCOME))

    def test_refused_messages(self, storage: Storage) -> None:
        self._check(storage, make_refused(1, ODD, value=None))
        self._check(
            storage, make_entry(2, verdict=Verdict(reason="detector is muted", warnings=(ODD, "")), outcome=None)
        )

    def test_other_fields(self, storage: Storage) -> None:
        self._check(
            storage,
            make_entry(1, key=ODD, received_ns=LARGE, writer=ODD, attempt=ODD, alerts_json=('{"a": 1}', ODD, "")),
        )


class TestPublishing:
    """Alerts are unpublished until they are marked."""

    def test_unpublished_entries_in_order(self, storage: Storage) -> None:
        entries = [make_entry(1), make_alerting(2), make_entry(3), make_alerting(4), make_alerting(5)]
        storage.append(entries)
        assert storage.unpublished() == [entries[1], entries[3], entries[4]]

    def test_marking(self, place: Place, storage: Storage) -> None:
        storage.append([make_alerting(1), make_alerting(2)])
        assert storage.mark_published(1)
        assert not storage.mark_published(1)
        assert [entry.sequence for entry in storage.unpublished()] == [2]
        found = storage.entry(1)
        assert found is not None
        assert found.published
        with closing(place.open()) as other:
            assert not other.mark_published(1)
            assert other.mark_published(2)
        assert storage.unpublished() == []


def test_what_several_servers_write_is_known_to_each(place: Place, storage: Storage) -> None:
    entries = [make_alerting(1), make_entry(2), make_alerting(3), make_entry(4), make_alerting(5)]
    keys = [entry.key for entry in entries]
    with closing(place.open()) as other:
        storage.append(entries[:1])
        other.append(entries[1:3])
        assert storage.known_keys(keys) == set(keys[:3])
        storage.append(entries[3:4])
        other.append(entries[4:])
        assert other.mark_published(1)
        for each in (storage, other):
            assert each.known_keys(keys) == set(keys)
            assert each.unpublished() == [entries[2], entries[4]]
        assert storage.mark_published(5)
        assert other.unpublished() == storage.unpublished() == [entries[2]]


class TestDropping:
    """A dropped store is a new one."""

    def test_everything_is_gone(self, place: Place, storage: Storage) -> None:
        entries = make_entries(1, 3)
        storage.append(entries)
        storage.save_snapshot(3, b"state")
        storage.project(entries)
        storage.drop()
        with closing(place.open()) as other:
            for each in (storage, other):
                assert each.last_sequence() == 0
                assert each.latest_snapshot() is None
                assert each.projected() == 0
                assert each.known_keys([entries[0].key]) == frozenset()
        storage.append(entries)
        storage.project(entries)
        assert list(storage.entries()) == entries
