"""What a refusal says: one short line for a person, and no secret."""

import json
from dataclasses import replace
from typing import Any

import pytest

from snews_cs.messages.admission import read_message
from snews_cs.messages.limits import MAX_REASON_CHARACTERS
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Observation, Retraction
from tests.messages.admitting import ACCEPTED, NOW, PASSWORD, POLICY, command, read, read_observation


class TestReasons:
    """One short line for a person, without secrets."""

    def test_a_detector_name_of_a_megabyte(self) -> None:
        reason = read_observation(detector_name="x" * 1_000_000).verdict.reason
        assert reason == "detector_name has 1000000 characters, more than 200"

    @pytest.mark.parametrize("value", ["x" * 900_000, ["x"] * 200_000, {"x" * 1_000: "y" * 900_000}, [[["x"] * 999]]])
    def test_any_field_of_a_megabyte(self, value: Any) -> None:
        for field in ("detector_name", "neutrino_time", "p_val", "tier", "is_test", "_id", "uuid"):
            reason = read_observation(**{field: value}).verdict.reason
            assert reason is not None
            assert reason.startswith(field)
            assert len(reason) <= MAX_REASON_CHARACTERS
            assert "\n" not in reason

    @pytest.mark.parametrize(
        "value",
        [{"pass": "hunter2"}, [{"pass": "hunter2"}], "{'pass': 'hunter2'}", f"see {PASSWORD}", {"x": PASSWORD}],
    )
    def test_no_password_in_a_reason(self, value: Any) -> None:
        for field in ("detector_name", "neutrino_time", "p_val", "is_test", "tier"):
            reading = read_observation(**{field: value})
            assert not reading.verdict.accepted
            assert "hunter2" not in repr(reading)
            assert PASSWORD not in repr(reading)

    def test_no_password_in_what_is_kept_or_answered(self) -> None:
        for reading in (
            read(detector_name="LVD", tier="Retraction", retract_latest_n=1, retraction_reason=f"it was {PASSWORD}"),
            command("broker-change", **{"pass": PASSWORD, "new_broker": f"kafka://admin:{PASSWORD}@x/y"}),
            command("test-connection", **{"pass": "hunter2", "meta": {"x": [PASSWORD], "pass": 12345}}),
        ):
            assert reading.verdict == ACCEPTED
            for secret in (PASSWORD, "hunter2", "12345"):
                assert secret not in repr(reading)

    @pytest.mark.parametrize(
        "secret",
        [
            "Tr0ub4dor&3",
            "a\\b'c\"d e",
            "\\\\'\\ends with one\\",
            "pässwörd\u2028",
            "日本語のパスワード",
            "🐎 correct",
            "x" * 200,
        ],
    )
    @pytest.mark.parametrize("place", ["{}", "see {}", "{0}" + "y" * 200, "y" * 31 + "{0}" + "y" * 31])
    def test_no_part_of_a_password_in_a_reason(self, secret: str, place: str) -> None:
        policy = replace(POLICY, admin_password=secret)
        text = place.format(secret)
        parts = {secret[start : start + 6] for start in range(max(1, len(secret) - 5))} - {"y" * 6}
        for field in ("detector_name", "neutrino_time", "p_val", "is_test", "tier", "_id", "email"):
            for value in (text, {text: [text]}, json.dumps(json.dumps(text)), repr(text)):
                body = {"detector_name": "LVD", "neutrino_time": format_utc(NOW), field: value}
                for written in (json.dumps(body), json.dumps(body, ensure_ascii=False), json.dumps(json.dumps(body))):
                    raw = RawMessage("t", 0, 0, -1, (), written.encode())
                    reason = read_message(raw, NOW, policy).verdict.reason or ""
                    assert not any(part in reason or repr(part)[1:-1] in reason for part in parts)

    def test_a_password_in_an_identifier(self) -> None:
        """It is masked, and a retraction still finds its message."""
        said, retracted = (
            read(neutrino_time=format_utc(NOW), detector_name="LVD", uuid=f"{PASSWORD} 1"),
            read(tier="Retraction", detector_name="LVD", retract_message_uuid=f"{PASSWORD} 1"),
        )
        assert isinstance(said.message, Observation)
        assert isinstance(retracted.message, Retraction)
        assert PASSWORD not in repr((said, retracted))
        assert said.message.message_uuid == retracted.message.retract_message_uuid == "*** 1"

    def test_identifiers_are_left_alone_by_a_password_that_hardly_is_one(self) -> None:
        reading = read(
            replace(POLICY, admin_password="4"), neutrino_time=format_utc(NOW), detector_name="LVD", uuid="a4"
        )
        assert isinstance(reading.message, Observation)
        assert reading.message.message_uuid == "a4"
