"""Entries made by hand: what the stores are given to keep in their tests."""

from typing import Any
from uuid import UUID, uuid4

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.types import (
    Alert,
    AlertType,
    CacheKey,
    Disposition,
    LineRecord,
    Outcome,
    SublistRecord,
)
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S, parse_utc
from snews_cs.messages.types import (
    BrokerChange,
    ConnectionTest,
    DisplayHeartbeats,
    GetFeedback,
    HardReset,
    Heartbeat,
    Member,
    Message,
    Observation,
    Parameters,
    Reconcile,
    Retraction,
    SentAlone,
    SignificanceTier,
    TimingTier,
    Verdict,
)
from snews_cs.storage.entry import Entry

T0 = parse_utc("2100-01-01T00:00:00Z")
"""When the tests play: no store that looks at its own clock finds anything of them expired."""

DAY_NS = 86_400 * NS_PER_S
REAL = CacheKey(is_test=False, is_pre_sn=False)
ODD = "NUL \0, quote ', backslash \\, é, 超新星, \U0001f4a5, \ufffd, \u2028"
LARGE = 2**63 - 1


def make_raw(offset: int, **changed: Any) -> RawMessage:
    """Return a plain record."""
    given: dict[str, Any] = {
        "topic": "snews.experiments-test",
        "partition": 0,
        "timestamp_ms": 1_700_000_000_000,
        "headers": (("_id", UUID(int=offset).bytes),),
        "value": b"{}",
    }
    return RawMessage(offset=offset, **{**given, **changed})


def make_entry(sequence: int, **changed: Any) -> Entry:
    """Return an entry of an observation that changed nothing, with the fields that are given changed."""
    raw = changed.pop("raw", None) or make_raw(sequence)
    outcome = changed.get("outcome", Outcome(disposition=Disposition.NOTED))
    alerts = outcome.alerts if outcome else ()
    given: dict[str, Any] = {
        "key": raw.key,
        "received_ns": T0 + sequence * NS_PER_S,
        "raw": raw,
        "message": make_observation(sequence),
        "verdict": Verdict(),
        "outcome": outcome,
        "writer": "tester",
        "attempt": uuid4().hex,
        "published": not alerts,
    }
    if "alerts_json" not in changed:
        given["alerts_json"] = tuple(alert_json(alert, server_tag="tester") for alert in alerts)
    whole = {**given, **changed}
    return Entry(sequence=sequence, **{"claim": whole["attempt"], **whole})


def make_entries(first: int, last: int) -> list[Entry]:
    """Return plain entries with these sequence numbers, both included."""
    return [make_entry(sequence) for sequence in range(first, last + 1)]


def make_observation(number: int) -> Observation:
    """Return an observation."""
    return Observation(detector_name="JUNO", message_uuid=f"observation {number}", neutrino_time_ns=T0, p_value=0.01)


def make_line(line_id: int, **changed: Any) -> LineRecord:
    """Return a live observation."""
    given: dict[str, Any] = {
        "cache": REAL,
        "detector_name": "JUNO",
        "neutrino_time_ns": T0,
        "p_value": None,
        "message_uuid": f"observation {line_id}",
        "received_ns": T0,
        "expires_ns": T0 + DAY_NS,
    }
    return LineRecord(line_id=line_id, **{**given, **changed})


def make_alert(revision: int = 1, **changed: Any) -> Alert:
    """Return an alert of two detectors."""
    given: dict[str, Any] = {
        "alert_type": AlertType.INITIAL if revision == 1 else AlertType.UPDATE,
        "cache": REAL,
        "sub_list_number": 0,
        "event_id": str(UUID(int=7)),
        "supersedes": None if revision == 1 else str(UUID(int=revision - 1)),
        "alert_uuid": str(UUID(int=revision)),
        "members": (Member("JUNO", T0, 0.01, "a"), Member("SNO+", T0 + 9 * NS_PER_S, None, "b")),
        "retracted_detector_names": (),
        "merged_event_ids": (),
        "false_alarm_rate_per_year": 0.0104,
        "detectors_online": ("JUNO", "SNO+"),
        "sent_time_ns": T0,
    }
    return Alert(revision=revision, **{**given, **changed})


def make_alerting(sequence: int, *alerts: Alert) -> Entry:
    """Return an entry that published alerts."""
    return make_entry(sequence, outcome=Outcome(disposition=Disposition.OPENED, alerts=alerts or (make_alert(),)))


def make_moving(sequence: int, *lines: LineRecord, gone: tuple[int, ...] = ()) -> Entry:
    """Return an entry that opened or moved lines, and took others away."""
    return make_entry(sequence, outcome=Outcome(disposition=Disposition.OPENED, lines=lines, lines_gone=gone))


def make_refused(sequence: int, reason: str, **changed: Any) -> Entry:
    """Return an entry of a message in quarantine."""
    raw = make_raw(sequence, **changed)
    return make_entry(sequence, raw=raw, message=None, verdict=Verdict(reason=reason), outcome=None)


_COMMON: dict[str, Any] = {
    "detector_name": "KM3NeT",
    "message_uuid": ODD,
    "is_test": True,
    "is_firedrill": True,
    "machine_time_ns": LARGE,
    "sent_time_ns": -LARGE - 1,
}
MESSAGES: tuple[Message, ...] = (
    Observation(detector_name="", message_uuid="", neutrino_time_ns=0),
    Observation(**_COMMON, neutrino_time_ns=T0 + 1, p_value=5e-324, is_pre_sn=True),
    Retraction(detector_name="JUNO", message_uuid="a"),
    Retraction(**_COMMON, retract_message_uuid=ODD, retract_latest_n=LARGE, reason=ODD, is_pre_sn=True),
    Retraction(**_COMMON, retract_latest_n="ALL"),
    Heartbeat(**_COMMON, status="ON"),
    Heartbeat(detector_name="JUNO", message_uuid="a", status="OFF"),
    SignificanceTier(**_COMMON, p_values=(0.0, 1.0, 0.1), t_bin_width_s=0.8, p_value=1.0, is_pre_sn=True),
    SignificanceTier(detector_name="JUNO", message_uuid="a", p_values=()),
    TimingTier(
        **_COMMON,
        timing_series=(0, LARGE, -1),
        neutrino_time_ns=T0,
        start_time_ns=T0 - 1,
        time_bin_width_ns=1,
        background_rate_hz=1e-300,
        detection_channel=ODD,
        p_value=0.5,
        is_pre_sn=True,
    ),
    TimingTier(detector_name="JUNO", message_uuid="a", timing_series=()),
    ConnectionTest(**_COMMON, reply={"": [None, True, 1.5, {"a.b": LARGE, "$c": ODD, "d\0": []}], ODD: {}}),
    HardReset(**_COMMON),
    DisplayHeartbeats(**_COMMON),
    BrokerChange(**_COMMON, new_broker="kafka://elsewhere"),
    GetFeedback(**_COMMON, emails=("a@example.org", ODD)),
    Parameters(background_rates_per_week={"SNO+": 1.0, "dotted.name": 0.5, "$": 1e-9}),
    Reconcile(
        is_test=True,
        alerts=(
            SentAlone(
                event_id=str(UUID(int=7)),
                is_pre_sn=True,
                sub_list_number=LARGE,
                revision=2,
                alert_uuid=str(UUID(int=2)),
                members=(Member("JUNO", T0, 5e-324, ODD), Member(ODD, -LARGE - 1, None, "b")),
            ),
        ),
        merged=(str(UUID(int=8)), ODD),
    ),
    Reconcile(is_test=False, alerts=()),
)
"""At least one message of each kind, with all fields and with as few as possible, and odd values in them."""

FULL_OUTCOME = Outcome(
    disposition=Disposition.RETRACTED_BEFORE,
    alerts=(
        make_alert(),
        make_alert(
            2,
            cache=CacheKey(is_test=True, is_pre_sn=True),
            alert_type=AlertType.RETRACTION,
            retracted_detector_names=("JUNO",),
            merged_event_ids=(str(UUID(int=8)), str(UUID(int=9))),
            noisy_detector_names=("JUNO",),
        ),
    ),
    lines=(make_line(LARGE, p_value=0.1 + 0.2), make_line(0, detector_name=ODD)),
    lines_gone=(1, 2, LARGE),
    sublists=(SublistRecord(cache=REAL, number=3, line_ids=(0, LARGE), event_id=str(UUID(int=7)), revision=2),),
    sublists_gone=((REAL, 0), (CacheKey(is_test=True, is_pre_sn=False), 12)),
)
"""An outcome with something in every field."""

_BYTES = bytes(range(256))
RAWS: tuple[RawMessage, ...] = (
    RawMessage("t", 0, 0, -1, (), None),
    RawMessage(
        "t", 2**31 - 1, LARGE, LARGE, (("_id", bytes(range(256))), (ODD, None), ("_id", b"")), bytes(range(256))
    ),
    RawMessage("t", 0, 2, 0, (("", b"\xff\x00"),), b""),
)
"""Records with odd bytes, and with none."""
