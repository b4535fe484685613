"""Builds the tier messages; the decoders of the wire formats say only how their clients spell the fields.

A tier message is an observation, a retraction, a heartbeat, or one of the two tiers that are archived only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal, NamedTuple, TypedDict

from snews_cs.errors import MessageRefused
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.fields import Fields, Spellings, is_integer, read_time, required, wrong
from snews_cs.messages.limits import quote
from snews_cs.messages.types import (
    DetectorMessage,
    Heartbeat,
    Nanoseconds,
    Observation,
    Retraction,
    SignificanceTier,
    TimingTier,
)


class Tier(Enum):
    """What a tier message says."""

    COINCIDENCE = auto()
    SIGNIFICANCE = auto()
    TIMING = auto()
    RETRACTION = auto()
    HEARTBEAT = auto()


TIERS = {
    "CoincidenceTier": Tier.COINCIDENCE,
    "SignificanceTier": Tier.SIGNIFICANCE,
    "SigTier": Tier.SIGNIFICANCE,
    "TimingTier": Tier.TIMING,
    "TimeTier": Tier.TIMING,
    "Retraction": Tier.RETRACTION,
    "Heartbeat": Tier.HEARTBEAT,
}
"""What clients call the tiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How one family of clients spells the fields; by default as snews_pt 1.3 and 1.4 do."""

    detector_name: Spellings = ("detector_name",)
    message_uuid: Spellings = ("uuid",)
    neutrino_time: Spellings = ("neutrino_time",)
    machine_time: Spellings = ("machine_time",)
    sent_time: Spellings = ("sent_time",)
    p_value: Spellings = ("p_val",)
    t_bin_width: Spellings = ("t_bin_width",)
    retract_latest: Spellings = ("retract_latest",)
    status: Spellings = ("detector_status",)


class IdParts(NamedTuple):
    """What an ``_id`` such as ``4_PRE-SN_CoincidenceTier_<time>`` says: whose it is, the kind of message, pre-SN."""

    owner: str
    word: str
    is_pre_sn: bool


def id_parts(body: dict[str, Any]) -> IdParts | None:
    """Take apart the ``id`` or ``_id`` of a message; None if it has none, or one of another form.

    It starts with the detector's name (whose own underscores are counted) or, before snews_pt 1.3, its number.
    """
    message_id = Fields(body).text(("id", "_id"))
    if message_id is None:
        return None
    name = body.get("detector_name")
    owner = name if isinstance(name, str) and message_id.startswith(f"{name}_") else message_id.partition("_")[0]
    words = message_id[len(owner) + 1 :].split("_", 2)
    is_pre_sn = words[0] == "PRE-SN"
    return IdParts(owner, words[1] if is_pre_sn and len(words) > 1 else words[0], is_pre_sn)


def id_of_snews_pt_1(envelope: Envelope) -> IdParts | None:
    """Take apart the ``_id`` of a message of snews_pt 1.x, in which it stands for ``tier``; None if it is another."""
    schema = envelope.body.get("schema_version")
    if envelope.body.get("tier") is not None or not (isinstance(schema, str) and schema.startswith("1.")):
        return None
    parts = id_parts(envelope.body)
    return parts if parts is not None and parts.word in TIERS else None


class CommonFields(TypedDict):
    """The fields that all messages of detectors share, ready to be passed to one."""

    detector_name: str
    message_uuid: str
    is_test: bool
    is_firedrill: bool
    machine_time_ns: Nanoseconds | None
    sent_time_ns: Nanoseconds | None


def common_fields(envelope: Envelope, vocabulary: Vocabulary, *, is_test: bool = False) -> CommonFields:
    """Return the fields that all messages share; ``is_test``: whether other signs than its fields make it a test."""
    fields = Fields(envelope.body)
    return {
        "detector_name": required(fields.identifier(vocabulary.detector_name), vocabulary.detector_name),
        "message_uuid": fields.identifier(vocabulary.message_uuid) or envelope.message_uuid,
        "is_test": fields.flag(("is_test",)) or envelope.is_hop_test or is_test,
        "is_firedrill": fields.flag(("is_firedrill",)),
        "machine_time_ns": fields.time_if_readable(vocabulary.machine_time),
        "sent_time_ns": fields.time_if_readable(vocabulary.sent_time),
    }


def tier_message(
    tier: Tier, envelope: Envelope, vocabulary: Vocabulary, *, is_test: bool = False, is_pre_sn: bool = False
) -> DetectorMessage:
    """Return the message of a tier.

    Parameters
    ----------
    tier
        What it says.
    envelope
        Where its fields are.
    vocabulary
        How they are spelled.
    is_test, is_pre_sn
        Whether other signs than its own fields of these names make it a test, or one about pre-supernova neutrinos.

    Raises
    ------
    MessageRefused
        If a field that it needs is missing, or one that it has is wrong.
    """
    fields = Fields(envelope.body)
    common = common_fields(envelope, vocabulary, is_test=is_test)
    return _BUILDERS[tier](fields, vocabulary, common, fields.flag(("is_pre_sn",)) or is_pre_sn)


def _observation(fields: Fields, spelled: Vocabulary, common: CommonFields, is_pre_sn: bool) -> Observation:
    return Observation(
        neutrino_time_ns=required(fields.time(spelled.neutrino_time), spelled.neutrino_time),
        p_value=fields.p_value(spelled.p_value),
        is_pre_sn=is_pre_sn,
        **common,
    )


def _significance(fields: Fields, spelled: Vocabulary, common: CommonFields, is_pre_sn: bool) -> SignificanceTier:
    return SignificanceTier(
        p_values=required(fields.p_values(("p_values",)), ("p_values",)),
        t_bin_width_s=fields.number(spelled.t_bin_width),
        p_value=fields.p_value(spelled.p_value),
        is_pre_sn=is_pre_sn,
        **common,
    )


def _timing(fields: Fields, spelled: Vocabulary, common: CommonFields, is_pre_sn: bool) -> TimingTier:
    series, first_time_ns = _timing_series(fields)
    start_time_ns = fields.time(("start_time_utc",))
    return TimingTier(
        timing_series=series,
        neutrino_time_ns=fields.time(spelled.neutrino_time),
        start_time_ns=first_time_ns if start_time_ns is None else start_time_ns,
        time_bin_width_ns=fields.count(("time_bin_width_ns",)),
        background_rate_hz=fields.number(("background_rate_Hz",)),
        detection_channel=fields.identifier(("detection_channel",)),
        p_value=fields.p_value(spelled.p_value),
        is_pre_sn=is_pre_sn,
        **common,
    )


def _timing_series(fields: Fields) -> tuple[tuple[int, ...], Nanoseconds | None]:
    """Return the series as integers and, if it was written as times, the earliest, which they then count from."""
    items = required(fields.items(("timing_series",)), ("timing_series",))
    if any(isinstance(item, str) for item in items):
        times = [read_time(f"timing_series[{place}]", item) for place, item in enumerate(items)]
        earliest = min(times)
        return tuple([time - earliest for time in times]), earliest
    for place, item in enumerate(items):
        if not is_integer(item):
            raise wrong(f"timing_series[{place}]", "an integer or a time", item)
    return tuple(items), None


def _retraction(fields: Fields, spelled: Vocabulary, common: CommonFields, is_pre_sn: bool) -> Retraction:
    withdrawn_tier = fields.identifier(("which_tier",))
    if withdrawn_tier not in (None, "CoincidenceTier", "ALL"):
        raise MessageRefused(f"which_tier {quote(withdrawn_tier)}: only CoincidenceTier messages can be retracted")
    message_uuid = fields.identifier(("retract_message_uuid",))
    latest = None if message_uuid else _retract_latest(fields, spelled.retract_latest)
    return Retraction(
        retract_message_uuid=message_uuid,
        retract_latest_n=latest,
        reason=fields.text(("retraction_reason",)),
        is_pre_sn=is_pre_sn,
        **common,
    )


def _retract_latest(fields: Fields, spellings: Spellings) -> int | Literal["ALL"]:
    name, value = fields.find(spellings)
    if value is None:
        raise MessageRefused(f"the retraction has neither retract_message_uuid nor {name}")
    if value == "ALL":
        return "ALL"
    if not is_integer(value) or value < 1:
        raise wrong(name, 'an integer above 0 or "ALL"', value)
    return value


def _heartbeat(fields: Fields, spelled: Vocabulary, common: CommonFields, is_pre_sn: bool) -> Heartbeat:  # noqa: ARG001
    status = required(fields.identifier(spelled.status), spelled.status)
    match status.upper():
        case "ON" | "OFF" as known:
            return Heartbeat(status=known, **common)
        case _:
            raise wrong(spelled.status[0], "ON or OFF", status)


_BUILDERS: dict[Tier, Callable[[Fields, Vocabulary, CommonFields, bool], DetectorMessage]] = {
    Tier.COINCIDENCE: _observation,
    Tier.SIGNIFICANCE: _significance,
    Tier.TIMING: _timing,
    Tier.RETRACTION: _retraction,
    Tier.HEARTBEAT: _heartbeat,
}
