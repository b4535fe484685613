"""Whatever the engine decides, what is published of it fits its schema."""

import json
from random import Random
from typing import Any

import jsonschema

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import Heartbeat, Message, Observation, Retraction
from snews_cs.schemas.catalogue import schema
from snews_cs.server.notices import notice_content

START = parse_utc("2026-11-21T12:30:00Z")
FORMATS = jsonschema.Draft202012Validator.FORMAT_CHECKER
ALERT = jsonschema.Draft202012Validator(schema("alert"), format_checker=FORMATS)
NOTICE = jsonschema.Draft202012Validator(schema("notice"), format_checker=FORMATS)


def anything(rng: Random, number: int) -> Message:
    """Return something that a detector may say, within a minute of all the others."""
    name = rng.choice(["Super-K", "IceCube", "KM3NeT", "SNO+", "JUNO"])
    uuid = f"message {rng.randrange(number + 1)}" if rng.random() < 0.1 else f"message {number}"
    marks: dict[str, Any] = {"is_test": rng.random() < 0.2, "is_pre_sn": rng.random() < 0.2}
    chance = rng.random()
    if chance < 0.1:
        return Heartbeat(detector_name=name, message_uuid=uuid, status=rng.choice(["ON", "OFF"]))
    if chance < 0.3:
        return Retraction(detector_name=name, message_uuid=uuid, retract_latest_n=rng.choice([1, 2, "ALL"]), **marks)
    return Observation(
        detector_name=name,
        message_uuid=uuid,
        neutrino_time_ns=START + rng.randrange(60 * NS_PER_S) - rng.choice([0, 0, 0, 30 * 3_600 * NS_PER_S]),
        p_value=rng.choice([None, 0.0, 1.0, rng.random()]),
        **marks,
    )


def test_alerts_and_notices_fit_their_schemas(rng: Random) -> None:
    engine, seen = Engine(), set[object]()
    for number in range(600):
        message, now_ns = anything(rng, number), START + number * NS_PER_S
        outcome = engine.apply(message, now_ns, f"key {number}")
        degraded = rng.random() < 0.5
        for alert in outcome.alerts:
            text = alert_json(alert, server_tag="server", degraded=degraded)
            ALERT.validate(json.loads(text))
            seen.add((alert.alert_type, alert.cache.is_test))
        if isinstance(message, Observation) and not outcome.alerts:
            notice = notice_content(message, outcome, now_ns, engine, server_tag="server", degraded=degraded)
            NOTICE.validate(json.loads(json.dumps(notice, allow_nan=False)))
            seen.add(str(outcome.disposition))
    assert {("INITIAL", False), ("UPDATE", False), ("RETRACTION", False), "opened", "expired"} <= seen
