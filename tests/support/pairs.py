"""Pairs of observations, each pair an event of its own, and what must have become of them."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snews_cs.streams.address import TopicAddress
from snews_cs.streams.alerts import AlertStream
from tests.streams.conftest import produce
from tests.support.broker import Broker
from tests.support.server import PATIENCE_S
from tests.support.system import System, observation
from tests.support.truth import check_alerts, check_journal


class Pairs(System):
    """A server with a store of its own, and detectors that publish pairs; no connection of theirs outlives a broker.

    Attributes
    ----------
    pairs, sent
        How many pairs were published, and how many observations in all.
    """

    def __init__(self, broker: Broker, directory: Path) -> None:
        super().__init__(broker, directory, f"sqlite:///{directory / 'snews_cs.sqlite'}")
        self.pairs = self.sent = 0

    def publish_pairs(self, count: int = 1) -> None:
        """Publish observations of which each two coincide."""
        numbers = range(self.pairs, self.pairs + count)
        self.pairs += count
        self.publish_all(*(observation(name, -30.0 * number) for number in numbers for name in ("JUNO", "XENONnT")))

    def publish_all(self, *contents: Mapping[str, Any]) -> None:
        """Publish observations, in order."""
        self.sent += len(contents)
        name = TopicAddress.parse(self.topics["experiments"]).topic
        produce(self.broker.plain_address, name, *(json.dumps(content).encode() for content in contents))

    def alerted(self) -> list[dict[str, Any]]:
        """Return what is on the alert topic when every pair is alerted."""
        found: list[dict[str, Any]] = []
        end = time.monotonic() + PATIENCE_S
        with AlertStream(self.topics["alert"], auth=False, from_beginning=True) as stream:
            while len({alert["event_id"] for alert in found}) < self.pairs:
                assert time.monotonic() < end, f"{len(found)} alerts, {self.pairs} pairs"
                found += [alert.content for alert in stream.batch(0.2)]
        return found

    def check(self) -> None:
        """Fail unless every pair is alerted, and every message in the journal, once."""
        alerts = self.alerted()
        entries = self.journal()
        check_journal(entries)
        offsets = [entry.raw.offset for entry in entries if entry.raw.partition >= 0]
        assert offsets == list(range(self.sent))
        check_alerts(entries, alerts)
