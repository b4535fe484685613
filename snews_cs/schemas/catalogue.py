"""The catalogue: every schema by name."""

import json
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from snews_cs.inspection.records import TABLES
from snews_cs.schemas import commands, tiers
from snews_cs.schemas.parts import Schema
from snews_cs.schemas.records import record

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _written_by_hand(name: str) -> Schema:
    found: dict[str, Any] = json.loads(files("snews_cs.schemas").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return found


READ: dict[str, Callable[[], Schema]] = {
    "observation": tiers.observation,
    "significance": tiers.significance,
    "timing": tiers.timing,
    "retraction": tiers.retraction,
    "heartbeat": tiers.heartbeat,
    "test-connection": commands.connection_test,
    "hard-reset": commands.hard_reset,
    "display-heartbeats": commands.display_heartbeats,
    "broker-change": commands.broker_change,
    "get-feedback": commands.get_feedback,
    "snewsobservation": tiers.snewsobservation,
    "snewsheartbeat": tiers.snewsheartbeat,
}
"""What detectors send; those of JSON are called as the message's ``kind``."""

PUBLISHED: dict[str, Callable[[], Schema]] = {
    "alert": partial(_written_by_hand, "alert"),
    "notice": partial(_written_by_hand, "notice"),
    "test-connection-reply": commands.connection_test_reply,
}
"""What the server publishes."""

EXPORTED: dict[str, Callable[[], Schema]] = {f"export-{table}": partial(record, table) for table in TABLES}
"""What ``snews_cs export`` writes, each line of JSON lines."""

SCHEMAS = {**READ, **PUBLISHED, **EXPORTED}
"""Every schema."""


def schema(name: str) -> Schema:
    """Return the JSON Schema (2020-12) of that name, a key of :data:`SCHEMAS`."""
    return {"$schema": DIALECT, "$id": f"urn:snews_cs:{name}:1.0", **SCHEMAS[name]()}
