"""What must be true when all is done, however it came about: what readers believe is what the journal says."""

from typing import Any

from tests.server.conftest import House
from tests.support.fold import check_fold
from tests.support.memory import MemoryPublisher
from tests.support.readers import Told, check_belief, check_told
from tests.support.server import check_alert


def check_end(*houses: House) -> None:
    """Fail unless nothing is left to be done, and what is on the topics is what the journal of these servers says."""
    first = houses[0]
    store = first.storage.storage
    entries = list(store.entries())
    engine = check_fold(entries)
    assert store.unpublished() == []
    assert store.projected() == len(entries)
    for house in houses:
        assert not house.is_alone
        assert len(house.outbox) == house.spool.depth == 0
        assert house.journal.sequence == len(entries)
        assert house.journal.engine.snapshot() == engine.snapshot()
    told = Told(*(records(first.publisher, topic) for topic in ("alerts", "testing")))
    for content in (*told.alerts, *told.tests):
        check_alert(content)
    check_told(entries, told)
    check_belief(entries, engine, told)


def records(publisher: MemoryPublisher, topic: str) -> list[dict[str, Any]]:
    """Return the alerts on a topic, without the answers to connection tests."""
    return [content for content in publisher.contents(topic) if "alert_uuid" in content]
