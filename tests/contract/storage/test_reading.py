"""Looking at a store: beside the server that writes it, and without leaving a trace."""

from contextlib import closing

import pytest

from snews_cs.errors import NoStore, StorageError
from snews_cs.storage.protocol import Storage
from tests.contract.storage.conftest import Place
from tests.storage.builders import make_alerting, make_entries, make_entry, make_refused


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
