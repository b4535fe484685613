"""Whatever bytes are on the topic: a reading comes back, its texts can be stored, and nothing is raised."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.limits import MAX_REASON_CHARACTERS
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import MESSAGE
from tests.support.pickles import pickled
from tests.support.samples import Sample, samples

NOW = parse_utc("2026-11-21T06:50:00Z")
POLICIES = [
    AdmissionPolicy(registry=Registry.load(), admin_password=password, firedrill=firedrill)
    for password in (None, "PASS")
    for firedrill in (True, False)
]
HEADERS = st.lists(
    st.tuples(st.sampled_from(["_id", "_format", "_test", "_sender", "pass"]) | st.text(), st.none() | st.binary()),
    max_size=4,
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**63, 10**30, 1e308])
TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from(
    [
        *("LVD", "ICE", "TEST", "ON", "OFF", "ALL", "PASS", "received", "this is a test", "\ud800", "0.5", "NaN"),
        *("CoincidenceTier", "TimingTier", "SignificanceTier", "Retraction", "Heartbeat", "a@b.org;c@d.org"),
        *("0_hard-reset", "0_test-connection", "0_Get-Feedback", "0_broker-change", "4_PRE-SN_CoincidenceTier_x"),
        *("2026-11-21T06:49:00Z", "26/11/21 06:49:00", "2016-12-31T23:59:60Z", "9999-99-99T99:99:99Z"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted({name for found in samples() for name in found.fields} | {"pass", "which_tier"}))


def check(raw: RawMessage) -> Reading:
    """Read a record under every policy, and hold what comes back to what the rest of the server relies on."""
    for policy in POLICIES:
        reading = read_message(raw, NOW, policy)
        reason = reading.verdict.reason
        assert reason is None or (0 < len(reason) <= MAX_REASON_CHARACTERS and "\n" not in reason)
        assert reading.message is not None or reason is not None
        json.dumps([reason, *reading.verdict.warnings], ensure_ascii=False).encode()
        if reading.message is not None:
            stored = MESSAGE.dump_json(reading.message)
            assert MESSAGE.validate_json(stored) == reading.message
        mask_passwords(raw, policy.admin_password)
    return reading


@settings(max_examples=200)
@given(st.none() | st.binary(max_size=500), HEADERS)
def test_random_bytes(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    assert not check(RawMessage("t", 0, 0, -1, tuple(headers), value)).verdict.accepted


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(samples()), st.dictionaries(FIELDS, VALUES, min_size=1, max_size=4), HEADERS)
def test_samples_with_other_values(
    found: Sample, changes: dict[str, Any], headers: list[tuple[str, bytes | None]]
) -> None:
    value = json.dumps({**found.fields, **changes}).encode()
    check(RawMessage("t", 0, 0, -1, tuple(headers), value))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS | TEXTS, VALUES, max_size=8))
def test_any_object(body: dict[str, Any]) -> None:
    check(RawMessage("t", 0, 0, -1, (), json.dumps(body).encode()))
    check(RawMessage("t", 0, 0, -1, (), json.dumps(json.dumps(body)).encode()))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["Heartbeat", "Retraction", "CoincidenceTier", "SignificanceTier", "TimingTier"]),
    st.dictionaries(FIELDS.filter(str.isidentifier), VALUES, max_size=8),
)
def test_any_model(tier: str, fields: dict[str, Any]) -> None:
    base = {"detector_name": "LVD", "detector_status": "ON", "neutrino_time_utc": "2026-11-21T06:49:00Z"}
    check(RawMessage("t", 0, 0, -1, (), pickled(f"{tier}Message", **{**base, **fields})))


@settings(max_examples=200)
@given(st.sampled_from(samples()), st.data())
def test_damaged_samples(found: Sample, data: st.DataObject) -> None:
    value = bytearray(found.value)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(value)))
        length = data.draw(st.integers(0, 4))
        value[start : start + length] = data.draw(st.binary(max_size=4))
    check(replace(found, value=bytes(value)).raw())
