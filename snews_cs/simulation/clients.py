"""What the released clients put on the topic: the decoders of :mod:`snews_cs.messages` the other way round.

One writer for each client, in the order and spelling of fields that it was seen to send.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from snews_cs.errors import SettingsError
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Heartbeat, Nanoseconds, Observation, Retraction
from snews_cs.simulation.pickles import model_pickle

Said = Observation | Retraction | Heartbeat
"""What a simulated detector can say."""

Client = Literal["hop", "snews_pt-1.0", "snews_pt-1.2", "snews_pt-1.4", "snews_pt-3.0"]
"""The programs with which detectors publish; ``hop`` is JSON by hand, the least that is understood."""

_TIERS = {"observation": "CoincidenceTier", "retraction": "Retraction", "heartbeat": "Heartbeat"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message as it goes to the topic.

    Parameters
    ----------
    payload
        The Kafka record's value.
    format
        hop's ``_format`` header.
    message_id
        hop's ``_id`` header, 16 bytes: for the clients before 2.0 it is all the identity that a message has.
    """

    payload: bytes
    format: Literal["json", "blob"]
    message_id: bytes


def write(message: Said, client: Client, *, number: int | None, now_ns: Nanoseconds) -> Outgoing:
    """Return a message as a client sends it.

    Parameters
    ----------
    message
        What is said; ``message_uuid`` must be a UUID. Its machine time is ``now_ns`` if it has none.
    client
        The program that sends it. Those before 1.3 write times in us only, what is finer is cut off.
    number
        The detector's number, which clients before 1.3 write instead of its name.
    now_ns
        When it is sent, TAI ns.

    Raises
    ------
    SettingsError
        If that client cannot say that.
    """
    message_id = UUID(message.message_uuid).bytes
    if client == "snews_pt-3.0":
        return Outgoing(payload=_snews_pt_3_0(message, now_ns), format="blob", message_id=message_id)
    body = _BODIES[client](message, number, now_ns)
    return Outgoing(payload=json.dumps(body).encode(), format="json", message_id=message_id)


def _hop(message: Said, _number: int | None, _now_ns: Nanoseconds) -> Mapping[str, Any]:
    marks = {name: True for name in ("is_test", "is_pre_sn") if getattr(message, name, False)}
    match message:
        case Observation():
            p_value = {} if message.p_value is None else {"p_val": message.p_value}
            time = format_utc(message.neutrino_time_ns)
            return {"detector_name": message.detector_name, "neutrino_time": time, **p_value, **marks}
        case Retraction():
            said = {
                "retract_message_uuid": message.retract_message_uuid,
                "retract_latest_n": message.retract_latest_n,
                "retraction_reason": message.reason,
            }
            given = {name: value for name, value in said.items() if value is not None}
            return {"tier": "Retraction", "detector_name": message.detector_name, **given, **marks}
        case Heartbeat():
            status = {"detector_status": message.status}
            return {"tier": "Heartbeat", "detector_name": message.detector_name, **status, **marks}


def _snews_pt_1_0(message: Said, number: int | None, now_ns: Nanoseconds) -> Mapping[str, Any]:
    _require("snews_pt-1.0", message, test=False)
    sent = _old(now_ns)[:17]
    body: dict[str, Any] = {
        "_id": _numbered_id("snews_pt-1.0", message, number, sent),
        "detector_name": message.detector_name,
        "machine_time": _old(message.machine_time_ns or now_ns),
    }
    match message:
        case Observation():
            body |= {"neutrino_time": _old(message.neutrino_time_ns), "p_val": message.p_value, "meta": {"meta": {}}}
        case Retraction():
            body |= {
                "which_tier": "CoincidenceTier",
                "N_retract_latest": message.retract_latest_n,
                "retraction_reason": message.reason,
            }
        case Heartbeat():
            body |= {"detector_status": message.status}
    return {**body, "schema_version": "1.1.0", "sent_time": sent}


def _snews_pt_1_2(message: Said, number: int | None, now_ns: Nanoseconds) -> Mapping[str, Any]:
    _require("snews_pt-1.2", message)
    if not isinstance(message, Observation):
        raise SettingsError(f"snews_pt-1.2 cannot send a {message.kind}")  # it crashed when it tried
    sent = _iso(now_ns, digits=6)
    return {
        "_id": _numbered_id("snews_pt-1.2", message, number, sent),
        "detector_name": message.detector_name,
        "machine_time": _iso(message.machine_time_ns or now_ns, digits=6),
        "neutrino_time": _iso(message.neutrino_time_ns, digits=6),
        "p_val": message.p_value,
        "meta": {"comment": "this is a test"} if message.is_test else {},
        "schema_version": "1.1.1",
        "sent_time": sent,
    }


def _snews_pt_1_4(message: Said, _number: int | None, now_ns: Nanoseconds) -> Mapping[str, Any]:
    _require("snews_pt-1.4", message, pre_sn=False)
    machine_time = _iso(message.machine_time_ns or now_ns)
    body: dict[str, Any] = {
        "_id": f"{message.detector_name}_{_TIERS[message.kind]}_{machine_time}",
        "schema_version": "1.3.1",
        "detector_name": message.detector_name,
        "machine_time": machine_time,
    }
    match message:
        case Observation():
            body |= {"neutrino_time": _iso(message.neutrino_time_ns), "p_val": message.p_value}
        case Retraction():
            body |= {"retract_latest": message.retract_latest_n, "retraction_reason": message.reason}
        case Heartbeat():
            body |= {"detector_status": message.status}
    return {**body, "is_test": message.is_test, "meta": {}, "sent_time": _iso(now_ns)}


def _snews_pt_3_0(message: Said, now_ns: Nanoseconds) -> bytes:
    machine_time = format_utc(message.machine_time_ns or now_ns)
    tier = _TIERS[message.kind]
    fields: dict[str, Any] = {
        "id": f"{message.detector_name}_{tier}_{machine_time}",
        "uuid": message.message_uuid,
        "tier": tier,
        "sent_time_utc": format_utc(now_ns),
        "machine_time_utc": machine_time,
        "is_pre_sn": getattr(message, "is_pre_sn", False),
        "is_test": message.is_test,
        "is_firedrill": message.is_firedrill,
        "meta": None,
        "schema_version": "0.2",
        "detector_name": message.detector_name,
    }
    match message:
        case Observation():
            fields |= {"p_val": message.p_value, "neutrino_time_utc": format_utc(message.neutrino_time_ns)}
        case Retraction():
            if message.retract_latest_n == "ALL":
                raise SettingsError("snews_pt-3.0 cannot retract ALL")
            fields |= {
                "retract_message_uuid": message.retract_message_uuid,
                "retract_latest_n": message.retract_latest_n or 0,
                "retraction_reason": message.reason,
            }
        case Heartbeat():
            fields |= {"detector_status": message.status}
    return model_pickle(f"{tier}Message", fields)


_BODIES: dict[Client, Callable[[Said, int | None, Nanoseconds], Mapping[str, Any]]] = {
    "hop": _hop,
    "snews_pt-1.0": _snews_pt_1_0,
    "snews_pt-1.2": _snews_pt_1_2,
    "snews_pt-1.4": _snews_pt_1_4,
}


def _require(client: Client, message: Said, *, test: bool = True, pre_sn: bool = True) -> None:
    """Check what the clients before 2.0 cannot say: retract by uuid, and what the arguments name."""
    if message.is_test and not test:
        raise SettingsError(f"{client} cannot mark a message as a test")
    if getattr(message, "is_pre_sn", False) and not (pre_sn and isinstance(message, Observation)):
        raise SettingsError(f"{client} cannot mark a {message.kind} as about pre-supernova neutrinos")
    if isinstance(message, Retraction) and message.retract_message_uuid is not None:
        raise SettingsError(f"{client} cannot retract a message by its uuid")


def _numbered_id(client: Client, message: Said, number: int | None, time: str) -> str:
    if number is None:
        raise SettingsError(f"{client} writes detectors' numbers, and {message.detector_name} has none")
    pre_sn = "PRE-SN_" if getattr(message, "is_pre_sn", False) else ""
    return f"{number}_{pre_sn}{_TIERS[message.kind]}_{time}"


def _iso(time_ns: Nanoseconds, *, digits: int = 9) -> str:
    """Return ISO 8601 without ``Z`` and with that many decimals."""
    return format_utc(time_ns)[: 20 + digits]


def _old(time_ns: Nanoseconds) -> str:
    """Return ``%y/%m/%d %H:%M:%S:%f``."""
    iso = format_utc(time_ns)
    return f"{iso[2:10].replace('-', '/')} {iso[11:19]}:{iso[20:26]}"
