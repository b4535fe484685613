"""``snews_pt subscribe`` outlives all that the server publishes, saves each alert as it is, and runs plugins on it."""

import json
from typing import Any

import pytest

from tests.clients.conftest import each_client
from tests.support.snews_pt import SCRIPTS, SnewsPt
from tests.support.system import System, observation

pytestmark = pytest.mark.client


def retraction(detector: str, **more: Any) -> dict[str, Any]:
    return {"tier": "Retraction", "detector_name": detector, "retract_latest_n": 1, **more}


@each_client
def test_every_kind_of_alert_is_saved_and_handed_to_a_plugin(system: System, snews_pt: SnewsPt) -> None:
    system.start()
    with snews_pt.subscribed("--plugin", str(SCRIPTS / "plugin.py")) as subscription:
        for content in (
            observation("Super-K", p_val=0.02),
            observation("XENONnT", 9),
            observation("IceCube", 11, p_val=1),
            observation("Super-K", 1),  # refined: its event and IceCube's become one
            retraction("Super-K"),
            retraction("XENONnT"),
        ):
            system.publish(content)
        handed = [json.loads(subscription.wait_for("plugin: alert ")) for _ in range(5)]
        alerts = system.alerts(subscription.knocks + 5)[subscription.knocks :]
    assert [alert["alert_type"] for alert in alerts] == ["INITIAL", "INITIAL", "UPDATE", "UPDATE", "RETRACTION"]
    assert [len(alert["merged_event_ids"]) for alert in alerts] == [0, 0, 1, 0, 0]
    assert handed == alerts
    assert subscription.saved() == alerts


def test_tests_are_heard_beside_answers_to_connection_tests(system: System, snews_pt: SnewsPt) -> None:
    system.start()
    connection_test = {"_id": "0_test-connection", "detector_name": "JUNO", "status": "sending", "meta": {}}
    asked = {"id": "0_test-connection", "tier": "Heartbeat", "detector_name": "JUNO", "meta": {"status": "sending"}}
    with snews_pt.subscribed("--test", topic="testing") as subscription:
        for content in (
            connection_test,
            asked,
            observation("Super-K", p_val=0.02, is_test=True),
            observation("XENONnT", 9, p_val=0.5, is_test=True),
            retraction("XENONnT", is_test=True),
        ):
            system.publish(content)
        subscription.wait_for("alert_type          :TEST RETRACTION")
    published = system.alerts(subscription.knocks + 4, "testing")
    alerts = [alert for alert in published if "alert_uuid" in alert]
    assert [alert["alert_type"] for alert in alerts] == ["TEST INITIAL", "TEST RETRACTION"]
    assert subscription.saved() == alerts
    for plugin in ("auxiliary/custom_script.py", "auxiliary/firedrill_plugin.py", "test/random_plugin.py"):
        for file in subscription.files():
            snews_pt.python(snews_pt.shipped(plugin), str(file))
