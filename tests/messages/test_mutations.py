"""The samples changed as no client would: each is refused for a reason, or accepted rightly."""

import json
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import get_args

from snews_cs.inspection.status import kind_of
from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.limits import MAX_REASON_CHARACTERS
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import MESSAGE, Command, DetectorMessage, Observation
from tests.support.mutations import LARGEST, mutations

NOW = parse_utc("2026-11-21T06:50:00Z")
MANY = 20_000
REGISTRY = Registry(tuple(replace(detector, emails=("a@b.org",)) for detector in Registry.load().detectors))
NAMES = {detector.name for detector in REGISTRY.detectors}


def test_a_seed_gives_the_same_mutants() -> None:
    first, again, other = (list(islice(mutations(seed), 500)) for seed in (7, 7, 8))
    assert first == again != other


def test_kafka_takes_them() -> None:
    for headers, value in islice(mutations(1), MANY):
        assert value is None or len(value) <= LARGEST
        assert all(name and name.encode() for name, _ in headers)


def test_each_is_refused_or_accepted_for_a_reason() -> None:
    policy = AdmissionPolicy(registry=REGISTRY, admin_password="PASS")
    refused: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for offset, (headers, value) in enumerate(islice(mutations(2), MANY)):
        raw = RawMessage("t", 0, offset, -1, headers, value)
        reading = read_message(raw, NOW, policy)
        mask_passwords(raw, policy.admin_password)
        if reading.verdict.reason is None:
            accepted[type(reading.message).__name__] += 1
            check_accepted(reading)
        else:
            refused[kind_of(reading.verdict.reason)] += 1
            check_reason(reading.verdict.reason)
    assert len(refused) > 100, "the mutants reach too few of the reasons to refuse"
    assert set(accepted) == {kind.__name__ for kind in get_args(DetectorMessage)}


def check_reason(reason: str) -> None:
    assert 0 < len(reason) <= MAX_REASON_CHARACTERS
    assert "PASS" not in reason
    assert reason.isprintable()
    assert not reason.startswith("internal error")
    reason.encode()


def check_accepted(reading: Reading) -> None:
    """Hold an accepted message to what it has to be, whatever it was made of."""
    message = reading.message
    assert isinstance(message, DetectorMessage)
    assert message.detector_name in NAMES
    assert 0 < len(message.message_uuid) <= 200
    assert not message.is_firedrill
    assert MESSAGE.validate_json(MESSAGE.dump_json(message)) == message
    json.dumps(reading.verdict.warnings, ensure_ascii=False).encode()
    if isinstance(message, Observation):
        assert message.p_value is None or 0 <= message.p_value <= 1
        assert message.is_test or -48 * 3_600 * 10**9 <= message.neutrino_time_ns - NOW <= 60 * 10**9
        assert message.detector_name != "TEST" or message.is_test
    if isinstance(message, Command):
        assert b"PASS" not in MESSAGE.dump_json(message)
