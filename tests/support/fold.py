"""The journal held against the engine: each outcome must be what the engine makes of all that came before."""

import json
from collections.abc import Sequence

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.storage.entry import Entry
from tests.support.readers import comparable


def check_fold(entries: Sequence[Entry], engine_class: type[Engine] = Engine) -> Engine:
    """Fail unless a journal is gapless and the engine's fold, and return the engine as it leaves it.

    ``engine_class``: whose fold.
    """
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    engine = engine_class()
    for entry in entries:
        outcome = None
        if entry.verdict.accepted and entry.message is not None:
            outcome = engine.apply(entry.message, entry.received_ns, entry.key)
            engine.settle()
        assert outcome == entry.outcome, f"entry {entry.sequence} is not the engine's fold"
        alerts = outcome.alerts if outcome else ()
        assert [*map(comparable, map(json.loads, entry.alerts_json))] == [
            comparable(json.loads(alert_json(alert, server_tag=entry.writer))) for alert in alerts
        ], f"entry {entry.sequence}: the alerts to publish are not those that were decided"
    return engine
