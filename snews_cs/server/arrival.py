"""A message on its way into the journal."""

from dataclasses import dataclass
from typing import Self
from uuid import uuid4

from snews_cs.messages.admission import Reading
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Nanoseconds, ServerMessage, Verdict
from snews_cs.storage.entry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it is to be journaled.

    Parameters
    ----------
    key
        Its identity.
    raw
        The record to keep, passwords masked.
    reading
        What was understood, and the verdict.
    received_ns
        When it was taken in.
    """

    key: str
    raw: RawMessage
    reading: Reading
    received_ns: Nanoseconds

    @classmethod
    def of_server(cls, message: ServerMessage, received_ns: Nanoseconds) -> Self:
        """Return what the server itself has to say: it came from no topic, and is like no other."""
        return cls(
            key=f"{message.kind}/{uuid4().hex}",
            raw=RawMessage("", -1, -1, -1, (), None),
            reading=Reading(message=message, verdict=Verdict()),
            received_ns=received_ns,
        )

    @classmethod
    def again(cls, entry: Entry) -> Self:
        """Return the message of an entry, to be decided anew with the verdict and the time that it has."""
        reading = Reading(message=entry.message, verdict=entry.verdict)
        return cls(key=entry.key, raw=entry.raw, reading=reading, received_ns=entry.received_ns)
