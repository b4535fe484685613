"""A drill is not content with any alert: the server is played here, and does not do what it should."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from snews_cs.inspection.drills import DrillRecord
from snews_cs.messages.admission import AdmissionPolicy, read_message
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Observation
from snews_cs.simulation.drill.drill import Drill
from snews_cs.simulation.drill.event import SPAN_NS, DrillEvent, who_may_drill
from snews_cs.storage.open import open_reader
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.publication import Publication
from snews_cs.streams.publisher import AlertPublisher
from snews_cs.waiting import StopRequest
from tests.support.broker import Broker, broker, make_topic  # noqa: F401
from tests.support.server import PATIENCE_S

REGISTRY = Registry.load()
Answer = Callable[[list[Observation]], list[dict[str, Any]]]


class Stage:
    """Topics for a drill, and a server that answers its two observations as the test says."""

    def __init__(self, broker: Broker, directory: Path) -> None:  # noqa: F811
        self.observations = broker.url(make_topic(broker))
        self.alerts = broker.url(make_topic(broker))
        self.directory = directory
        self.stop = StopRequest()

    @contextmanager
    def server(self, answer: Answer) -> Iterator[None]:
        """Read until two observations have come, and publish what ``answer`` makes of them."""
        ready, over = threading.Event(), threading.Event()

        def serve() -> None:
            said: list[Observation] = []
            policy = AdmissionPolicy(registry=REGISTRY)
            with (
                ObservationStream(self.observations, group_id="played", auth=False, on_open=ready.set) as stream,
                AlertPublisher([self.alerts], auth=False, idempotent=False) as publisher,
            ):
                while len(said) < 2 and not over.is_set():
                    for raw in stream.batch(0.1, 100):
                        message = read_message(raw, SPAN_NS[1], policy).message
                        assert isinstance(message, Observation)
                        said.append(message)
                if len(said) == 2:
                    publisher.publish_all([self._publication(alert) for alert in answer(said)])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert ready.wait(PATIENCE_S)
            yield
        finally:
            over.set()
            thread.join()

    def _publication(self, alert: dict[str, Any]) -> Publication:
        return Publication(url=self.alerts, key="event", payload=json.dumps(alert).encode(), message_id=uuid4().bytes)

    def drill(self, *, within_s: float = 30.0, retract: bool = False) -> DrillRecord | None:
        """Make one."""
        made = Drill(
            observation_topic=self.observations,
            alert_topic=self.alerts,
            auth=False,
            open_store=lambda: open_reader(f"sqlite:///{self.directory / 'none.sqlite'}"),
            within_s=within_s,
            stop=self.stop,
        )
        return made.run(DrillEvent.invent(who_may_drill(REGISTRY, ()), firedrill=False), retract=retract)

    def played(self, answer: Answer, *, within_s: float = 30.0, retract: bool = False) -> DrillRecord:
        """Make one against a server that answers so."""
        with self.server(answer):
            record = self.drill(within_s=within_s, retract=retract)
        assert record is not None
        return record


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Stage:  # noqa: F811
    return Stage(broker, tmp_path)


def alert(said: list[Observation], alert_type: str = "TEST INITIAL", **changed: Any) -> dict[str, Any]:
    """Return what a drill looks at of an alert."""
    return {
        "alert_type": alert_type,
        "server_tag": "played",
        "detector_names": [each.detector_name for each in said],
        "message_uuids": [each.message_uuid for each in said],
        "degraded": False,
        **changed,
    }


def test_its_own_alert_among_others(stage: Stage) -> None:
    record = stage.played(
        lambda said: [
            {"alert_type": "TEST INITIAL", "message_uuids": ["somebody", "else"]},
            {"alert_type": "TEST INITIAL"},
            {"alert_type": "TEST INITIAL", "message_uuids": "all"},
            alert(said),
        ]
    )
    assert record.problem is None
    assert record.server_tag == "played"
    assert record.journal_unseen is not None


def test_a_server_that_does_not_reach_its_store(stage: Stage) -> None:
    record = stage.played(lambda said: [alert(said, degraded=True)])
    assert record.problem == "its alert says `degraded`: the server does not reach its store"
    assert record.alert_ms is not None


def test_an_alert_in_which_somebody_else_is(stage: Stage) -> None:
    uuids = ["somebody else's"]
    record = stage.played(lambda said: [alert(said, message_uuids=[*uuids, *(each.message_uuid for each in said)])])
    assert record.problem is not None
    assert record.problem.startswith("its alert is about something else, too: [")


def test_a_retraction_that_does_not_come(stage: Stage) -> None:
    record = stage.played(lambda said: [alert(said)], within_s=5, retract=True)
    assert record.alert_ms is not None
    assert record.problem is not None
    assert record.problem.startswith(f"no TEST RETRACTION on {stage.alerts} within 5 s: does a server run")


@pytest.mark.parametrize("alert_type", ["INITIAL", "TEST UPDATE"])
def test_an_alert_of_another_type_does_not_count(stage: Stage, alert_type: str) -> None:
    record = stage.played(lambda said: [alert(said, alert_type)], within_s=3)
    assert record.problem is not None
    assert record.problem.startswith("no TEST INITIAL on ")


def test_told_to_stop_before_it_began(stage: Stage) -> None:
    stage.stop.make()
    assert stage.drill() is None
    with ExitStack() as stack:
        stream = stack.enter_context(ObservationStream(stage.observations, group_id="watcher", auth=False))
        while not stream.is_open:
            assert stream.batch(0.05, 1) == []
        assert stream.batch(0.2, 1) == []
