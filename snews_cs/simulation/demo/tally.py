"""What was seen, counted for the summary."""

import statistics
import time
from dataclasses import dataclass, field

from snews_cs.messages.types import Heartbeat
from snews_cs.simulation.demo.witness import Delivery
from snews_cs.storage.entry import Entry


@dataclass(kw_only=True)
class Tally:
    """Counts from ``began``, a reading of the monotonic clock, s."""

    began: float
    messages: int = 0
    heartbeats: int = 0
    refused: int = 0
    first_message_s: float | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def elapsed_s(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self.began

    def count(self, entry: Entry) -> None:
        """Count a message."""
        if self.first_message_s is None:
            self.first_message_s = self.elapsed_s
        self.messages += 1
        self.heartbeats += isinstance(entry.message, Heartbeat)
        self.refused += not entry.verdict.accepted

    def facts(self, expected_alerts: int) -> dict[str, str]:
        """Return the facts of the whole by name.

        Parameters
        ----------
        expected_alerts
            How many alerts the story expects.
        """
        latencies = [delivery.latency_ms for delivery in self.deliveries]
        facts = {
            "messages": f"{self.messages} taken in, {self.heartbeats} of them heartbeats; {self.refused} refused",
            "alerts": f"{len(latencies)} delivered, {expected_alerts} expected",
        }
        if latencies:
            measured = f"median {statistics.median(latencies):.1f} ms, longest {max(latencies):.1f} ms"
            facts["latency"] = f"{measured} from write to reader"
        if self.first_message_s is not None:
            facts["time"] = f"{self.first_message_s:.1f} s to the first message, {self.elapsed_s:.0f} s all in all"
        return facts
