"""Notices of the installed server: on their topic, and nobody's trouble if that is away."""

from contextlib import closing
from pathlib import Path

import jsonschema

from snews_cs.schemas.catalogue import schema
from tests.support.broker import Broker
from tests.support.system import System, observation


def test_observations_without_an_alert_are_answered_on_their_topic(system: System) -> None:
    system.start({"NO_COINCIDENCE_TOPIC": system.topics["no-coincidence"]})
    system.publish(observation("JUNO"))
    system.publish(observation("XENONnT", 9))
    system.publish(observation("LVD", 60, is_test=True))
    system.publish(observation("XENONnT", 9))
    (alert,) = system.alerts(1)
    notices = system.alerts(3, "no-coincidence")
    validator = jsonschema.Draft202012Validator(schema("notice"))
    for notice in notices:
        validator.validate(notice)
    assert [(notice["detector_name"], notice["became"], notice["event_ids"]) for notice in notices] == [
        ("JUNO", "opened", []),
        ("LVD", "opened", []),
        ("XENONnT", "repeated", [alert["event_id"]]),
    ]
    assert notices[0]["message_uuid"] == alert["message_uuids"][0]
    assert notices[0]["neutrino_time"] == alert["neutrino_times"][0]


def test_a_broker_that_is_away_holds_up_neither_alerts_nor_the_end(embedded_broker: Broker, tmp_path: Path) -> None:
    with closing(System(embedded_broker, tmp_path, f"sqlite:///{tmp_path}/store.sqlite")) as system:
        server = system.start({"NO_COINCIDENCE_TOPIC": "kafka://127.0.0.1:1/no-coincidence"})
        system.publish(observation("LVD", 60))
        assert "127.0.0.1:1" in server.wait_for("answers or notices wait to be sent")["error"]
        for detector in ("JUNO", "XENONnT"):
            system.publish(observation(detector))
        assert len(system.alerts(1)) == 1
        assert server.stop() == 0
    assert [record["count"] for record in server.log if record["event"].startswith("answers or notices lost")] == [2]
