"""From a Kafka record to a typed message: one small decoder for each wire format, tried in the order of a table."""

from collections.abc import Callable
from dataclasses import dataclass, field

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import (
    commands,
    hop_plugin,
    plain,
    server_alert,
    snews_pt_1_0,
    snews_pt_1_3,
    snews_pt_models,
)
from snews_cs.messages.envelope import Envelope, open_envelope
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Command, DetectorMessage

Decoder = Callable[[Envelope], DetectorMessage | None]
"""Reads one wire format: returns None if the message is of another one, raises MessageRefused if it is broken."""

DECODERS: dict[str, Decoder] = {
    "an alert, by mistake": server_alert.decode,
    "a command or connection test": commands.decode,
    "hop-SNalert-app": hop_plugin.decode,
    "snews_pt 2.0 to 3.0": snews_pt_models.decode,
    "snews_pt 1.3 and 1.4, snap_client_sender": snews_pt_1_3.decode,
    "snews_pt 1.0 to 1.2": snews_pt_1_0.decode,
    "JSON by hand (hop publish)": plain.decode,
}
"""The wire formats in the order in which they are tried; the last takes what no other did."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message, and the password that came with it: never part of the message, which is stored."""

    message: DetectorMessage
    password: str | None = field(repr=False)


def decode(raw: RawMessage) -> Decoded:
    """Return the message of a record.

    Raises
    ------
    MessageRefused
        If no message can be made of it; nothing else is raised, whatever the record holds.
    """
    envelope = open_envelope(raw)
    for decoder in DECODERS.values():
        message = decoder(envelope)
        if message is not None:
            return Decoded(message, _password(envelope) if isinstance(message, Command) else None)
    raise MessageRefused("the message is of no known form")


def _password(envelope: Envelope) -> str | None:
    """Return the password of a command, None if it has none; the reason of a refusal does not quote it."""
    password = envelope.body.get("pass")
    if password is not None and not isinstance(password, str):
        raise MessageRefused("the password must be text")
    return password or None
