"""What was seen, counted for the summary."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from snews_cs.messages.types import Heartbeat
from snews_cs.simulation.demo.observer import Delivery
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

    def facts(self, expected_alerts: int, ready_after_s: Mapping[str, float]) -> dict[str, str]:
        """Return the facts of the whole by name.

        Parameters
        ----------
        expected_alerts
            How many alerts the story expects.
        ready_after_s
            How long each service took to start, s.
        """
        latencies = [delivery.latency_ms for delivery in self.deliveries]
        starts = [f"{name} {seconds:.1f} s" for name, seconds in ready_after_s.items()]
        if self.first_message_s is not None:
            starts.append(f"first message shown after {self.first_message_s:.1f} s")
        facts = {
            "messages": f"{self.messages} taken in, {self.heartbeats} of them heartbeats; {self.refused} refused",
            "alerts": f"{len(latencies)} delivered, {expected_alerts} expected",
            "start": ", ".join(starts),
            "all in all": f"{self.elapsed_s:.0f} s",
        }
        if latencies:
            measured = f"median {statistics.median(latencies):.1f} ms, longest {max(latencies):.1f} ms"
            facts["latency"] = f"{measured} (from a detector's write to a reader)"
        return facts
