"""Messages that ask to be admitted."""

from typing import Any

from snews_cs.messages.admission import AdmissionPolicy, Reading, read_message
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, format_utc, parse_utc
from snews_cs.messages.types import Verdict
from tests.support.samples import json_message

NOW = parse_utc("2026-11-21T06:50:00Z")
HOUR = 3_600 * NS_PER_S
PASSWORD = "correct horse"
POLICY = AdmissionPolicy(registry=Registry.load(), admin_password=PASSWORD)
ACCEPTED = Verdict()


def read(policy: AdmissionPolicy = POLICY, /, **fields: Any) -> Reading:
    return read_message(json_message(**fields), NOW, policy)


def read_observation(ahead_ns: int = 0, /, **fields: Any) -> Reading:
    return read(**{"detector_name": "LVD", "neutrino_time": format_utc(NOW + ahead_ns), **fields})


def command(name: str = "hard-reset", policy: AdmissionPolicy = POLICY, /, **fields: Any) -> Reading:
    return read(policy, _id=f"0_{name}", detector_name="LVD", **fields)
