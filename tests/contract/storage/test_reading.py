"""Looking at a store: beside the server that writes it, and without leaving a trace."""

from contextlib import closing
from dataclasses import replace

import pytest

from snews_cs.errors import NoStore, StorageError
from snews_cs.messages.types import Heartbeat
from snews_cs.storage.projections import changes
from snews_cs.storage.protocol import Storage
from snews_cs.storage.tables import KINDS, HeartbeatRow, QuarantineRow, values
from tests.contract.storage.conftest import Place
from tests.storage.builders import (
    DAY_NS,
    MESSAGES,
    T0,
    make_alert,
    make_alerting,
    make_entries,
    make_entry,
    make_line,
    make_moving,
    make_refused,
)


def test_a_reader_sees_what_a_server_writes_meanwhile(place: Place, storage: Storage) -> None:
    with closing(place.look()) as reader:
        assert reader.last_sequence() == 0
        written = [*make_entries(1, 3), make_alerting(4)]
        storage.append(written)
        storage.save_snapshot(2, b"state")
        assert list(reader.entries()) == written
        assert reader.entry(2) == written[1]
        assert reader.unpublished() == [written[3]]
        assert reader.latest_snapshot() == (2, b"state")
        assert reader.projected() == 0


def test_where_there_is_no_store_none_is_made(place: Place) -> None:
    for _ in range(2):
        with pytest.raises((StorageError, NoStore)):
            place.look()


def test_refused_messages_the_latest_first(place: Place, storage: Storage) -> None:
    entries = [make_refused(1, "early"), make_entry(2), make_refused(3, "early"), make_refused(4, "late")]
    storage.append(entries)
    assert (storage.refused(9), dict(storage.refusals())) == ([], {})
    storage.project(entries)
    with closing(place.look()) as reader:
        assert reader.refused(9) == [4, 3, 1]
        assert reader.refused(2) == [4, 3]
        assert dict(reader.refusals()) == {"early": 2, "late": 1}


class TestRows:
    """What the projections hold comes back as it was put there."""

    def test_every_kind_of_row(self, place: Place, storage: Storage) -> None:
        entries = [
            make_moving(1, make_line(0, p_value=0.5), make_line(1)),
            make_alerting(2, make_alert(1), make_alert(2)),
            *(make_entry(sequence, message=message) for sequence, message in enumerate(MESSAGES, 3)),
            make_refused(90, "not JSON", value=b"\xff\x00", headers=(("x", None),)),
        ]
        entries = [replace(entry, sequence=sequence, key=f"{sequence}") for sequence, entry in enumerate(entries, 1)]
        storage.append(entries)
        storage.project(entries)
        expected = changes(entries, heartbeats_kept_ns=DAY_NS).rows
        with closing(place.look()) as reader:
            for kind in KINDS:
                rows = sorted(expected[kind].values(), key=lambda row: values(row)[0])
                assert list(reader.rows(kind)) == rows
        assert all(expected[kind] for kind in KINDS)

    def test_by_time(self, storage: Storage) -> None:
        beats = [
            make_entry(n, message=Heartbeat(detector_name="JUNO", message_uuid="", status="ON"), received_ns=T0 + n)
            for n in (1, 2, 3)
        ]
        storage.append(beats)
        storage.project(beats)
        assert [row.sequence for row in storage.rows(HeartbeatRow, since_ns=T0 + 2)] == [2, 3]

    def test_more_than_are_read_at_once(self, storage: Storage) -> None:
        refused = [make_refused(number, "why not") for number in range(1, 251)]
        storage.append(refused)
        storage.project(refused)
        assert [row.sequence for row in storage.rows(QuarantineRow)] == list(range(1, 251))
