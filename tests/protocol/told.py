"""The simulation's invariants, held against what real servers wrote on real topics."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from snews_cs.coincidence.engine import Engine
from snews_cs.server.replay import decide
from snews_cs.storage.entry import Entry
from tests.protocol.broker import Broker
from tests.protocol.invariants import check_belief, check_topics
from tests.protocol.repeats import count_repeats
from tests.protocol.store import Shelf


def check_told(entries: Sequence[Entry], told: Mapping[str, Sequence[dict[str, Any]]]) -> int:
    """Fail unless readers saw the journal's alerts and believe what it says; return how many alerts were repeated.

    ``told``: the alerts of each topic, by the names that the simulation gives to topics.
    """
    engine = Engine()
    for entry in entries:
        decide(engine, entry)
    written = {
        topic: [SimpleNamespace(content=alert, is_alone=alert["degraded"]) for alert in alerts]
        for topic, alerts in told.items()
    }
    shelf = cast("Shelf", SimpleNamespace(entries=list(entries)))
    broker = cast("Broker", SimpleNamespace(written=written, forgotten=set()))
    check_topics(shelf, broker)
    check_belief(shelf, broker, engine)
    return count_repeats(broker)
