"""Each thing is done once, by one of all the processes that could."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import StorageError
from snews_cs.notify.deliveries import ABANDONED_AFTER_S, STORE_PATIENCE_S, Claim, Deliveries
from snews_cs.storage.notes import SqliteNotes
from tests.notify.conftest import Clock, NotesThatMayBeAway

LEAST_S = 0.001


def test_one_of_two_delivers_and_the_other_knows(notes: NotesThatMayBeAway) -> None:
    one, other = Deliveries(notes, holder="one"), Deliveries(notes, holder="other")
    assert one.claim("d") is Claim.MINE
    assert one.claim("d") is Claim.MINE
    assert other.claim("d") is Claim.OTHERS
    one.done("d", "receipt")
    assert other.claim("d") is one.claim("d") is Claim.DONE
    assert other.recall("receipt/d") == "receipt"


def test_what_was_delivered_is_known_after_a_restart(tmp_path: Path) -> None:
    notes = SqliteNotes(tmp_path / "notes.sqlite")
    deliveries = Deliveries(notes, holder="before")
    deliveries.claim("d")
    deliveries.done("d", "receipt")
    notes.close()
    notes = SqliteNotes(tmp_path / "notes.sqlite")
    assert Deliveries(notes, holder="after").claim("d") is Claim.DONE
    notes.close()


def test_what_another_began_is_taken_over_after_a_minute_without_news(notes: NotesThatMayBeAway) -> None:
    clock = Clock()
    one, other, third = (Deliveries(notes, holder=name, monotonic=clock) for name in ("one", "other", "third"))
    assert one.claim("d") is Claim.MINE
    clock.now += 3600
    assert other.claim("d") is Claim.OTHERS  # its clock starts when it first sees the turn
    clock.now += ABANDONED_AFTER_S - LEAST_S
    assert other.claim("d") is Claim.OTHERS
    assert third.claim("d") is Claim.OTHERS
    clock.now += LEAST_S
    assert other.claim("d") is Claim.MINE
    assert one.claim("d") is Claim.OTHERS  # who took too long has lost it
    clock.now += ABANDONED_AFTER_S - LEAST_S
    assert third.claim("d") is Claim.OTHERS  # the new turn counts from now
    clock.now += ABANDONED_AFTER_S
    assert third.claim("d") is Claim.MINE


def test_what_was_left_is_taken_over_at_once(notes: NotesThatMayBeAway) -> None:
    clock = Clock()
    one, other = (Deliveries(notes, holder=name, monotonic=clock) for name in ("one", "other"))
    for delivery in ("done", "left", "lost"):
        assert one.claim(delivery) is Claim.MINE
    one.done("done", "receipt")
    assert other.claim("left") is other.claim("lost") is Claim.OTHERS
    clock.now += ABANDONED_AFTER_S
    assert other.claim("lost") is Claim.MINE
    assert one.claim("lost") is Claim.OTHERS
    one.leave()
    third = Deliveries(notes, holder="third", monotonic=clock)
    assert [third.claim(delivery) for delivery in ("done", "left", "lost")] == [Claim.DONE, Claim.MINE, Claim.OTHERS]
    assert third.claim("left") is Claim.MINE
    assert other.claim("left") is Claim.OTHERS


def test_what_cannot_be_left_now_is_taken_over_later(notes: NotesThatMayBeAway) -> None:
    one, other = (
        Deliveries(notes, holder="one", monotonic=Clock()),
        Deliveries(notes, holder="other", monotonic=Clock()),
    )
    assert one.claim("d") is Claim.MINE
    notes.away = True
    one.leave()
    notes.away = False
    assert other.claim("d") is Claim.OTHERS


def test_of_two_who_take_over_at_once_one_does(notes: NotesThatMayBeAway) -> None:
    clock = Clock()
    Deliveries(notes, holder="dead", monotonic=clock).claim("d")
    heirs = [Deliveries(notes, holder=name, monotonic=clock) for name in ("one", "other")]
    assert [heir.claim("d") for heir in heirs] == [Claim.OTHERS, Claim.OTHERS]
    clock.now += ABANDONED_AFTER_S
    assert [heir.claim("d") for heir in heirs] == [Claim.MINE, Claim.OTHERS]


def test_of_two_who_begin_at_the_same_moment_one_does(notes: NotesThatMayBeAway) -> None:
    class Rivalry(NotesThatMayBeAway):
        def add(self, name: str, text: str) -> bool:
            super().add(name, "rival")
            return super().add(name, text)

    deliveries = Deliveries(Rivalry(notes), holder="one", monotonic=Clock())
    assert [deliveries.claim("d"), deliveries.claim("d")] == [Claim.OTHERS, Claim.OTHERS]


def test_a_turn_whose_note_was_in_doubt_is_ours(notes: NotesThatMayBeAway) -> None:
    deliveries = Deliveries(notes, holder="one", monotonic=Clock())
    notes.doubtful = 1
    assert deliveries.claim("d") is Claim.OTHERS
    assert deliveries.claim("d") is Claim.MINE


def test_without_the_store_people_are_told_all_the_same_after_a_while(notes: NotesThatMayBeAway) -> None:
    clock = Clock()
    deliveries = Deliveries(notes, holder="one", monotonic=clock)
    notes.away = True
    assert deliveries.claim("d") is Claim.OTHERS
    clock.now += STORE_PATIENCE_S - LEAST_S
    assert deliveries.claim("d") is Claim.OTHERS
    clock.now += LEAST_S
    with capture_logs() as lines:
        assert deliveries.claim("d") is Claim.MINE
    assert [line["event"] for line in lines] == ["telling people without knowing whether others do"]
    deliveries.done("d", "receipt")
    assert deliveries.claim("d") is Claim.DONE  # it remembers by itself
    assert deliveries.claim("e") is Claim.MINE
    notes.away = False
    assert deliveries.claim("e") is Claim.MINE  # by a turn, now
    other = Deliveries(notes, holder="other", monotonic=clock)
    assert other.claim("d") is Claim.DONE  # what was to be noted has been
    assert other.claim("e") is Claim.OTHERS


def test_each_outage_has_its_own_patience(notes: NotesThatMayBeAway) -> None:
    clock = Clock()
    deliveries = Deliveries(notes, holder="one", monotonic=clock)
    for _ in range(2):
        notes.away = True
        assert deliveries.claim("d") is Claim.OTHERS
        notes.away = False
        assert deliveries.claim("d") is Claim.MINE
        clock.now += STORE_PATIENCE_S


def test_of_two_memories_the_one_noted_first_counts(notes: NotesThatMayBeAway) -> None:
    one, other = Deliveries(notes, holder="one"), Deliveries(notes, holder="other")
    one.remember("thread", "1")
    other.remember("thread", "2")
    assert one.recall("thread") == other.recall("thread") == "1"
    assert one.recall("no such thing") is None


def test_what_could_not_be_noted_is_noted_later(notes: NotesThatMayBeAway) -> None:
    deliveries = Deliveries(notes, holder="one", monotonic=Clock())
    notes.away = True
    deliveries.remember("thread", "1")
    assert deliveries.recall("thread") == "1"
    with pytest.raises(StorageError):
        deliveries.recall("another")
    notes.away = False
    deliveries.claim("d")
    assert notes.get("thread") == "1"


def test_the_first_start_is_remembered_for_each_recipient_and_topic(notes: NotesThatMayBeAway) -> None:
    deliveries = Deliveries(notes, holder="one")
    assert deliveries.began_unix_ms("C1", "topic", 1000) == 1000
    assert deliveries.began_unix_ms("C1", "topic", 2000) == 1000
    assert deliveries.began_unix_ms("C1", "other", 3000) == 3000
    assert deliveries.began_unix_ms("C2", "topic", 4000) == 4000
