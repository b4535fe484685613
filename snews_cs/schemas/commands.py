"""Schemas of commands and of the connection test, with its answer."""

from snews_cs.messages.decoders.commands import ADDRESS, MOST_ADDRESSES, VOCABULARY
from snews_cs.schemas.parts import TEXT, Schema, all_of, any_of, field, given, id_names
from snews_cs.schemas.tiers import common

_PASSWORD = {"pass": {"description": "The administrator's password.", "type": "string", "minLength": 1}}
_RECEIVED = {"const": "received"}


def hard_reset() -> Schema:
    """Return the schema of the command that empties caches."""
    return {
        "title": "Command hard-reset",
        "description": "Empties the caches of real observations; with `is_test`, those of tests.",
        **_command("hard-reset", _PASSWORD),
    }


def display_heartbeats() -> Schema:
    """Return the schema of the command that logs who is online."""
    return {
        "title": "Command display-heartbeats",
        "description": "Writes the state of all detectors to the server's log.",
        **_command("display-heartbeats", _PASSWORD),
    }


def broker_change() -> Schema:
    """Return the schema of the command that names another broker."""
    broker = {"description": "Where to go.", "minLength": 1, "type": "string", "maxLength": 1_000}
    return {
        "title": "Command broker-change",
        "description": "Logged as not supported.",
        **_command("broker-change", {**_PASSWORD, "new_broker": broker}),
    }


def get_feedback() -> Schema:
    """Return the schema of a request for a mail about heartbeats."""
    addresses = {
        "description": f"1 to {MOST_ADDRESSES} addresses, separated by semicolons; only registered ones are answered.",
        "pattern": f"^{ADDRESS.pattern}(; ?{ADDRESS.pattern}){{0,{MOST_ADDRESSES - 1}}}$",
        **TEXT,
    }
    return {
        "title": "Command Get-Feedback",
        "description": "Asks for a mail about this detector's heartbeats. Needs no password.",
        **_command("Get-Feedback", {"email": addresses}),
    }


def connection_test() -> Schema:
    """Return the schema of a connection test."""
    return {
        "title": "Connection test",
        "description": "Asks whether the server hears the client. snews_pt from 2.0 on encodes this object twice.",
        **_command("test-connection", {}, _MARKS),
        "if": {"required": ["_id"]},
        "then": {"properties": {"status": {"not": _RECEIVED}}},
    }


def connection_test_reply() -> Schema:
    """Return the schema of the answer to a connection test."""
    old = all_of({"required": ["_id"]}, given(("status",), _RECEIVED))
    new = all_of(
        {"not": {"required": ["_id"]}},
        given(("meta",), {"type": "object", "required": ["status"], "properties": {"status": _RECEIVED}}),
    )
    return {
        "title": "Answer to a connection test",
        "description": "The test itself, in which the status says that it was received: at the top level for clients "
        "that send `_id` (snews_pt up to 1.4), else in `meta`.",
        **_command("test-connection", {}, _MARKS),
        **any_of(old, new),
    }


_MARKS: Schema = {
    "status": {"description": "`received` in the answer to snews_pt up to 1.4."},
    "meta": {"description": "Holds `status` for snews_pt from 2.0 on."},
}


def _command(word: str, needed: Schema, others: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {
            **common(VOCABULARY),
            **field(("id", "_id"), f"`0_{word}`.", TEXT),
            **needed,
            **(others or {"meta": {"description": "Anything; kept in the journal."}}),
        },
        "required": [*VOCABULARY.detector_name, *needed],
        **all_of(id_names([word])),
    }
