"""The first application's model: which message goes where, and what is published."""

from collections.abc import Iterator
from typing import Any

import pytest
from hop.models import Blob
from structlog.testing import capture_logs

from snews_cs.errors import StoreUnreachable
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import Heartbeat
from snews_cs.snews2_app.decider import EngineDecider
from snews_cs.snews2_app.hop_plugin import SNEWSAlert, SNEWSHeartbeat, SNEWSObservation
from snews_cs.snews2_app.interfaces import IDecider, Message, Time
from snews_cs.snews2_app.model import COINCIDENCE, Model
from tests.snews2_app.conftest import Bench
from tests.support.samples import sample


def seen(bench: Bench, detector: str, offset_s: float = 0.0) -> SNEWSObservation:
    times = {name: bench.time(offset_s) for name in ("sent_time", "neutrino_time", "machine_time")}
    named = {"detector_id": detector, "message_id": f"{detector} {offset_s}"}
    return SNEWSObservation(**sample("hop-SNalert-app_observation").fields | times | named)


def beat(bench: Bench, detector: str) -> SNEWSHeartbeat:
    times = {name: bench.time() for name in ("sent_time", "machine_time")}
    return SNEWSHeartbeat(**sample("hop-SNalert-app_heartbeat").fields | times | {"detector_id": detector})


class Reading:
    """What hop's consumer does, and what was marked as done."""

    def __init__(self, *messages: object) -> None:
        self._messages = messages
        self.done: list[int] = []

    def read(self, *, metadata: bool, autocommit: bool, batch_size: int) -> Iterator[tuple[object, int]]:
        assert (metadata, autocommit, batch_size) == (True, False, 1)
        for place, message in enumerate(self._messages):
            yield message, place

    def mark_done(self, metadata: int) -> None:
        self.done.append(metadata)


class Away(IDecider):
    """A decider whose store does not answer."""

    def deciding(self) -> bool:
        return True

    def addMessage(self, time: Time, neutrino_time: Time | None, message: Message) -> None:  # noqa: N802
        raise StoreUnreachable("the store does not answer")

    def getAllMessages(self) -> list[dict[str, Any]]:  # noqa: N802
        return []


def test_observations_and_heartbeats_go_to_their_processors(bench: Bench) -> None:
    model = Model(EngineDecider(bench.storage))
    assert model.mapping == {
        "SNEWSObservation": model.process_observation,
        "SNEWSHeartbeat": model.process_heartbeat,
    }
    model.process(beat(bench, "JUNO"))
    model.process(seen(bench, "LVD"))
    kept = [entry.message for entry in bench.store.entries()]
    assert [type(message).__name__ for message in kept] == ["Heartbeat", "Observation"]
    assert isinstance(kept[0], Heartbeat)
    assert (kept[0].detector_name, kept[0].status) == ("JUNO", "ON")


def test_each_coincidence_is_published_once(bench: Bench) -> None:
    alerts: list[SNEWSAlert] = []
    consumer = Reading(
        seen(bench, "JUNO"),
        seen(bench, "LVD", -5),
        seen(bench, "LVD", -5),
        beat(bench, "LVD"),
        seen(bench, "NOvA", -3_600),
    )
    Model(EngineDecider(bench.storage), publish=alerts.append).run(consumer)
    assert [alert.content for alert in alerts] == [COINCIDENCE]
    assert parse_utc(alerts[0].sent_time) == parse_utc(alerts[0].machine_time)
    assert consumer.done == [0, 1, 2, 3, 4]


def test_what_is_not_understood_or_refused_is_said_and_passed_over(bench: Bench) -> None:
    consumer = Reading(Blob(b"noise"), seen(bench, "DETECTOR 1"), seen(bench, "JUNO"))
    with capture_logs() as lines:
        Model(EngineDecider(bench.storage)).run(consumer)
    passed_over = [line for line in lines if "kind" in line]
    assert [(line["kind"], line.get("reason")) for line in passed_over] == [
        ("Blob", None),
        ("SNEWSObservation", "the detector 'DETECTOR 1' is not registered"),
    ]
    assert consumer.done == [0, 1, 2]
    assert len(bench.storage.getAllMessages()) == 1


def test_what_could_not_be_kept_comes_again(bench: Bench) -> None:
    consumer = Reading(seen(bench, "JUNO"))
    with pytest.raises(StoreUnreachable):
        Model(Away(), publish=print).run(consumer)
    assert consumer.done == []
