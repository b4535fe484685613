"""Detectors that beat: entries and their projections in a store."""

from collections.abc import Iterable

from snews_cs.coincidence.types import Disposition, Outcome
from snews_cs.messages.times import NS_PER_S
from snews_cs.messages.types import Heartbeat, Message, Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage
from tests.storage.builders import make_entry

_OPENED = Outcome(disposition=Disposition.OPENED)


class Beating:
    """Writes into a store what a server writes when detectors' messages come.

    Parameters
    ----------
    store
        Where to.
    """

    def __init__(self, store: Storage) -> None:
        self._store = store

    def receive(self, messages: Iterable[tuple[Nanoseconds, Message]], **changed: object) -> list[Entry]:
        """Journal messages, each with the time at which it was received."""
        first = self._store.last_sequence() + 1
        entries = [
            make_entry(number, **{"message": message, "received_ns": received_ns, "outcome": _OPENED, **changed})
            for number, (received_ns, message) in enumerate(messages, start=first)
        ]
        self._store.append(entries)
        self._store.project(entries)
        return entries

    def beat(
        self,
        detector: str,
        *,
        until_ns: Nanoseconds,
        beats: int,
        every_s: float = 60.0,
        status: str = "ON",
        is_test: bool = False,
    ) -> None:
        """Let a detector beat regularly, the last time at ``until_ns``."""
        times_ns = [until_ns - round(place * every_s * NS_PER_S) for place in range(beats)]
        self.receive(
            (
                time_ns,
                Heartbeat(
                    detector_name=detector,
                    message_uuid=f"{detector} {time_ns}",
                    status="ON" if status == "ON" else "OFF",
                    is_test=is_test,
                    machine_time_ns=time_ns - NS_PER_S // 2,
                ),
            )
            for time_ns in reversed(times_ns)
        )
