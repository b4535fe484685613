"""The first application's storage over the journal."""

import json
from contextlib import closing
from datetime import UTC, datetime

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.inspection.replay import replay
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Heartbeat, Observation, Parameters
from snews_cs.snews2_app.hop_plugin import SNEWSHeartbeat, SNEWSObservation
from snews_cs.snews2_app.interfaces import IStorage
from snews_cs.snews2_app.storage import JournalStorage
from snews_cs.storage.open import open_storage
from snews_cs.storage.tables import CacheRow, QuarantineRow
from tests.server.conftest import START, START_UTC, OpenHouse, open_house, seen
from tests.snews2_app.conftest import Bench, observation
from tests.support.samples import sample

__all__ = ["open_house"]

DAY_NS = 86_400 * NS_PER_S


def test_it_is_the_first_applications() -> None:
    assert IStorage.__abstractmethods__ == {"insert", "getAllMessages", "cacheEmpty", "getMsgFromStrID"}
    with pytest.raises(TypeError, match="abstract"):
        IStorage()  # type: ignore[abstract]


def test_a_message_is_found_by_its_id(bench: Bench) -> None:
    first = bench.storage.insert(bench.time(), bench.time(-5), observation("JUNO", "a"))
    second = bench.storage.insert(bench.time(), bench.time(-4), observation("LVD", "b"))
    expected = observation("JUNO", "a") | {"sent_time": bench.time(), "neutrino_time": bench.time(-5)}
    assert bench.storage.getMsgFromStrID(first) == expected
    assert bench.storage.getMsgFromStrID(second)["detector_id"] == "LVD"
    assert bench.storage.getAllMessages() == [expected, bench.storage.getMsgFromStrID(second)]


@pytest.mark.parametrize("post_id", ["", "1", "000000000009", "x" * 12, "9" * 40, "00000000000\N{SUPERSCRIPT ONE}"])
def test_an_id_of_no_message(bench: Bench, post_id: str) -> None:
    bench.storage.insert(bench.time(), bench.time(), observation("JUNO", "a"))
    with pytest.raises(KeyError):
        bench.storage.getMsgFromStrID(post_id)


def test_what_is_the_servers_own_is_no_message(bench: Bench) -> None:
    bench.restart(Parameters(expiration_ns=60 * NS_PER_S))
    assert bench.store.last_sequence() == 1
    assert bench.storage.getAllMessages() == []
    with pytest.raises(KeyError):
        bench.storage.getMsgFromStrID("000000000001")


def test_the_cache_is_empty_until_an_observation_comes_and_when_it_is_over(bench: Bench) -> None:
    assert bench.storage.cacheEmpty()
    bench.storage.insert(bench.time(), None, sample("hop-SNalert-app_heartbeat").fields | {"detector_id": "JUNO"})
    bench.storage.insert(bench.time(), bench.time(), observation("JUNO", "a", is_test=True))
    assert bench.storage.cacheEmpty()
    bench.storage.insert(bench.time(), bench.time(-1), observation("JUNO", "a"))
    bench.now_ns += DAY_NS - NS_PER_S - 1
    assert not bench.storage.cacheEmpty()
    bench.now_ns += 1
    assert bench.storage.cacheEmpty()
    assert len(bench.storage.getAllMessages()) == 3


def test_the_parameters_given_are_those_of_the_engine(bench: Bench) -> None:
    bench.restart(Parameters(expiration_ns=60 * NS_PER_S))
    bench.storage.insert(bench.time(), bench.time(), observation("JUNO", "a"))
    bench.restart()
    bench.now_ns += 59 * NS_PER_S
    assert not bench.storage.cacheEmpty()
    bench.now_ns += NS_PER_S
    assert bench.storage.cacheEmpty()


def test_a_restart_forgets_nothing(bench: Bench) -> None:
    post_id = bench.storage.insert(bench.time(), bench.time(), observation("JUNO", "a"))
    bench.restart()
    assert not bench.storage.cacheEmpty()
    assert [bench.storage.getMsgFromStrID(post_id)] == bench.storage.getAllMessages()
    bench.storage.insert(bench.time(), bench.time(3), observation("LVD", "b"))
    outcome = bench.storage.outcome
    assert outcome is not None
    assert [member.detector_name for alert in outcome.alerts for member in alert.members] == ["JUNO", "LVD"]


def test_what_is_kept_is_what_the_server_reads(bench: Bench) -> None:
    """Models, JSON objects and JSON text; times as text of any form and as datetimes; the arguments count."""
    said, beat = sample("hop-SNalert-app_observation").fields, sample("hop-SNalert-app_heartbeat").fields
    named = {"detector_id": "19"}
    bench.storage.insert("2099-12-31T23:59:50Z", "99/12/31 23:59:40", SNEWSObservation(**said | named))
    moment = datetime(2099, 12, 31, 23, 59, 41, 123456, tzinfo=UTC)
    bench.storage.insert(moment, moment.replace(tzinfo=None), json.dumps(said | named | {"message_id": "text"}))
    bench.storage.insert(moment, None, SNEWSHeartbeat(**beat | named))
    first, second, third = (entry.message for entry in bench.store.entries())
    assert isinstance(first, Observation)
    assert isinstance(second, Observation)
    assert isinstance(third, Heartbeat)
    assert [first.detector_name, second.detector_name, third.detector_name] == ["XENONnT"] * 3
    assert (first.message_uuid, second.message_uuid) == (said["message_id"], "text")
    assert second.neutrino_time_ns - first.neutrino_time_ns == 1_123_456_000
    assert first.sent_time_ns is not None
    assert first.sent_time_ns - first.neutrino_time_ns == 10 * NS_PER_S
    assert third.status == "ON"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (observation("DETECTOR 1", "a"), "the detector 'DETECTOR 1' is not registered"),
        (observation("JUNO", "a", p_value=2), r"p_value must be a number in \[0, 1\], not 2"),
        ({"_id": "0_hard-reset", "detector_name": "JUNO", "pass": "sesame"}, "hard-reset is off"),
    ],
)
def test_what_does_not_count_is_refused_and_kept_in_quarantine(
    bench: Bench, message: dict[str, object], reason: str
) -> None:
    with pytest.raises(MessageRefused, match=reason):
        bench.storage.insert(bench.time(), bench.time(), message)
    assert bench.storage.outcome is None
    assert (bench.storage.getAllMessages(), bench.storage.cacheEmpty()) == ([], True)
    (row,) = bench.store.rows(QuarantineRow)
    assert row.topic == "snews2_app"
    assert row.value is not None
    assert b"sesame" not in row.value


@pytest.mark.parametrize("text", ["[]", '"x"', "{", ""])
def test_text_that_is_no_json_object_is_refused(bench: Bench, text: str) -> None:
    with pytest.raises(MessageRefused):
        bench.storage.insert(bench.time(), bench.time(), text)
    assert bench.store.last_sequence() == 0


def test_detectors_of_a_registry_of_ones_own(bench: Bench) -> None:
    registry = Registry((Detector(name="DETECTOR 1"), Detector(name="DETECTOR 2")))
    storage = JournalStorage(bench.store, registry=registry, now=lambda: bench.now_ns)
    storage.insert(bench.time(), bench.time(), observation("DETECTOR 1", "a"))
    assert not storage.cacheEmpty()


def test_the_store_is_one_of_the_servers(bench: Bench) -> None:
    """Its journal replays alike, and its tables show what is in it."""
    for place, detector in enumerate(("JUNO", "LVD", "JUNO")):
        bench.storage.insert(bench.time(), bench.time(-place), observation(detector, str(place)))
    assert [each.difference for each in replay(bench.store.entries())] == [None] * 3
    assert [row.detector_name for row in bench.store.rows(CacheRow)] == ["JUNO", "LVD", "JUNO"]


def test_two_may_write_at_the_same_time(bench: Bench) -> None:
    with closing(bench.place.open()) as store:
        other = JournalStorage(store, now=lambda: bench.now_ns)
        ids = [
            each.insert(bench.time(), bench.time(place), observation(detector, str(place)))
            for place, (each, detector) in enumerate(
                [(bench.storage, "JUNO"), (other, "LVD"), (other, "SNO+"), (bench.storage, "NOvA")]
            )
        ]
        assert ids == sorted(set(ids))
        assert other.getAllMessages() == bench.storage.getAllMessages()
        assert bench.storage.outcome is not None
        assert len(bench.storage.outcome.alerts[0].members) == 4


def test_beside_a_server_it_is_one_writer_more(open_house: OpenHouse) -> None:
    """The server takes up what was inserted, and publishes what nobody else does."""
    house = open_house()
    house.say(seen("JUNO"))
    with closing(open_storage(f"sqlite:///{house.path}")) as store:
        storage = JournalStorage(store, now=lambda: START)
        storage.insert(START_UTC, seen("LVD", 5)["neutrino_time"], observation("LVD", "b"))
        assert storage.outcome is not None
        (alert,) = storage.outcome.alerts
    house.say(seen("XENONnT", 6))
    assert house.publisher.contents("alerts") == []
    house.settle()
    first, second = house.publisher.contents("alerts")
    assert (first["alert_uuid"], first["server_tag"]) == (alert.alert_uuid, "snews2_app")
    assert (second["alert_type"], second["supersedes"]) == ("UPDATE", alert.alert_uuid)
