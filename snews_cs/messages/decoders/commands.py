"""Commands, and the client's connection test: JSON whose ``id`` or ``_id`` is ``0_<command>``."""

import re
from collections.abc import Callable

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders.tiers import CommonFields, Vocabulary, common_fields, id_parts
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.fields import Fields, required
from snews_cs.messages.limits import quote
from snews_cs.messages.types import (
    BrokerChange,
    ConnectionTest,
    DetectorMessage,
    DisplayHeartbeats,
    GetFeedback,
    HardReset,
)

VOCABULARY = Vocabulary(machine_time=("machine_time_utc",), sent_time=("sent_time_utc", "time"))

MOST_ADDRESSES = 20
"""Most mail addresses in one request for feedback."""

MOST_BYTES_ANSWERED = 10_000
"""Largest connection test that is answered, bytes: the answer repeats it."""

ADDRESS = re.compile(r"[^@\s;,<>\"]{1,64}@[^@\s;,<>\"]{1,190}")
"""A mail address in a request for feedback."""


def decode(envelope: Envelope) -> DetectorMessage | None:
    """Return the command, None if it is none. Its password is not part of it."""
    parts = id_parts(envelope.body) if envelope.model is None else None
    if parts is None or parts.word not in _COMMANDS:
        return None
    return _COMMANDS[parts.word](envelope, common_fields(envelope, VOCABULARY))


def _connection_test(envelope: Envelope, common: CommonFields) -> ConnectionTest:
    """Return the test with its answer: the message itself, in which ``status`` says "received".

    snews_pt from 2.0 on looks for that in ``meta`` (and writes it there from the start), up to 1.4 at the top level.
    """
    body, size = envelope.body, len(envelope.raw.value or b"")
    if size > MOST_BYTES_ANSWERED:
        raise MessageRefused(f"the connection test has {size} bytes, more than {MOST_BYTES_ANSWERED}")
    if "_id" in body:
        if body.get("status") == "received":
            raise MessageRefused("the connection test is an answer already")
        return ConnectionTest(reply={**body, "status": "received"}, **common)
    meta = body.get("meta")
    known = meta if isinstance(meta, dict) else {}
    return ConnectionTest(reply={**body, "meta": {**known, "status": "received"}}, **common)


def _hard_reset(_: Envelope, common: CommonFields) -> HardReset:
    return HardReset(**common)


def _display_heartbeats(_: Envelope, common: CommonFields) -> DisplayHeartbeats:
    return DisplayHeartbeats(**common)


def _broker_change(envelope: Envelope, common: CommonFields) -> BrokerChange:
    new_broker = Fields(envelope.body).text(("new_broker",), longest=1_000)
    return BrokerChange(new_broker=required(new_broker, ("new_broker",)), **common)


def _get_feedback(envelope: Envelope, common: CommonFields) -> GetFeedback:
    emails = tuple(stripped for address in _addresses(envelope) if (stripped := address.strip()))
    if not emails or len(emails) > MOST_ADDRESSES:
        raise MessageRefused(f"email must hold 1 to {MOST_ADDRESSES} addresses separated by semicolons")
    for email in emails:
        if ADDRESS.fullmatch(email) is None:
            raise MessageRefused(f"email: {quote(email)} is not a mail address")
    return GetFeedback(emails=emails, **common)


def _addresses(envelope: Envelope) -> list[str]:
    """Return what the client was given: a text, in which semicolons separate addresses, or a list of texts."""
    given = envelope.body.get("email")
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return given
    return required(Fields(envelope.body).text(("email",)), ("email",)).split(";")


_COMMANDS: dict[str, Callable[[Envelope, CommonFields], DetectorMessage]] = {
    "test-connection": _connection_test,
    "hard-reset": _hard_reset,
    "display-heartbeats": _display_heartbeats,
    "broker-change": _broker_change,
    "Get-Feedback": _get_feedback,
}

WORDS = tuple(_COMMANDS)
"""What an ``id`` calls the commands."""
