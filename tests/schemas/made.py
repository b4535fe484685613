"""What the server publishes and exports, made with its own code: ``etc/examples/published`` and ``exported``.

Whoever changes what is published writes the examples anew: ``.venv/bin/python -m tests.schemas.made``.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from snews_cs.coincidence.content import alert_content, alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.inspection.records import EntryRecord, entry_record
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import ConnectionTest, Message, Observation, Verdict
from snews_cs.server.notices import notice_content
from snews_cs.storage.codec import json_text
from snews_cs.storage.entry import Entry

EXAMPLES = Path(__file__).parents[2] / "etc" / "examples"
START = parse_utc("2026-01-01T12:30:20Z")
SERVER = "my-server"


def _said() -> Iterator[tuple[Message, RawMessage]]:
    """Yield real messages as detectors send them: two coincide, a third joins, all but one are withdrawn."""
    time = "2026-01-01T12:30:{}Z"
    fields: list[dict[str, Any]] = [
        {"detector_name": "Super-K", "neutrino_time": time.format("00.000000000"), "p_val": 0.02},
        {"detector_name": "XENONnT", "neutrino_time": time.format("09.123456789"), "p_val": 0.07},
        {"detector_name": "KM3NeT", "neutrino_time": time.format("02.500000000")},
        {"tier": "Retraction", "detector_name": "XENONnT", "retract_latest_n": 1, "retraction_reason": "a laser"},
        {"tier": "Retraction", "detector_name": "KM3NeT", "retract_latest_n": 1},
    ]
    for offset, each in enumerate(fields):
        headers = (("_id", UUID(int=offset + 1).bytes), ("_format", b"json"))
        raw = RawMessage("snews.experiments-test", 0, offset, 1_767_270_620_000, headers, json.dumps(each).encode())
        yield decode(raw).message, raw


def _decided() -> Iterator[tuple[Message, RawMessage, Outcome, int, Engine]]:
    engine = Engine()
    for place, (message, raw) in enumerate(_said()):
        received_ns = START + place * NS_PER_S
        yield message, raw, engine.apply(message, received_ns, raw.key), received_ns, engine


def published() -> dict[str, Any]:
    """Return the content of each file of ``published``, by its name without suffix."""
    found: dict[str, Any] = {}
    for message, _, outcome, received_ns, engine in _decided():
        if isinstance(message, Observation) and not outcome.alerts:
            found["notice"] = notice_content(message, outcome, received_ns, engine, server_tag=SERVER)
        for alert in outcome.alerts:
            found.setdefault(f"alert-{alert.alert_type.lower()}", alert_content(alert, server_tag=SERVER))
    test = decode(RawMessage("t", 0, 0, -1, (), (EXAMPLES / "connection-test.json").read_bytes())).message
    assert isinstance(test, ConnectionTest)
    return {**found, "test-connection-reply": test.reply}


def exported() -> list[EntryRecord]:
    """Return the records of ``exported/journal.jsonl``."""
    return [
        entry_record(
            Entry(
                sequence=place,
                key=raw.key,
                received_ns=received_ns,
                raw=raw,
                message=message,
                verdict=Verdict(),
                outcome=outcome,
                alerts_json=tuple(alert_json(alert, server_tag=SERVER) for alert in outcome.alerts),
                writer=SERVER,
                attempt=f"attempt {place}",
                claim=f"attempt {place}",
                published=True,
            )
        )
        for place, (message, raw, outcome, received_ns, _) in enumerate(_decided(), start=1)
    ]


def files() -> dict[Path, str]:
    """Return the text of each file."""
    return {
        **{
            EXAMPLES / "published" / f"{name}.json": f"{json.dumps(content, indent=2)}\n"
            for name, content in published().items()
        },
        EXAMPLES / "exported" / "journal.jsonl": "".join(f"{json_text(record)}\n" for record in exported()),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
