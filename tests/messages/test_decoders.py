"""Decoders: messages by hand and by model, ids, marks of tests, and what does not belong here."""

from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import DECODERS, decode
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import (
    DetectorMessage,
    Heartbeat,
    Observation,
    Retraction,
    SignificanceTier,
    TimingTier,
)
from tests.messages.saying import TIME, TIME_NS, refusal_of, said, said_by_model
from tests.support.samples import json_message


def test_the_table_names_every_format() -> None:
    assert len(DECODERS) == 7


class TestByHand:
    """What a person publishes with ``hop publish``."""

    def test_least_form(self) -> None:
        assert said(detector_name="LVD", neutrino_time=TIME) == Observation(
            detector_name="LVD", message_uuid="snews.experiments-test/0/0", neutrino_time_ns=TIME_NS
        )

    def test_all_fields(self) -> None:
        message = said(
            id="LVD_CoincidenceTier_x",
            uuid="u",
            tier="CoincidenceTier",
            detector_name="LVD",
            neutrino_time_utc=TIME,
            machine_time=TIME,
            sent_time_utc=TIME,
            p_val=0.07,
            is_test=True,
            is_firedrill=True,
            is_pre_sn=True,
            meta={"comment": "by hand"},
            colour="unknown fields are ignored",
        )
        assert message == Observation(
            detector_name="LVD",
            message_uuid="u",
            is_test=True,
            is_firedrill=True,
            machine_time_ns=TIME_NS,
            sent_time_ns=TIME_NS,
            neutrino_time_ns=TIME_NS,
            p_value=0.07,
            is_pre_sn=True,
        )

    @pytest.mark.parametrize("p_value", [0, 1, 0.0, 1.0, 1e-300, 0.5, "0.07", "1", "1e-5", "5.e-1", None])
    def test_p_values(self, p_value: Any) -> None:
        message = said(detector_name="LVD", neutrino_time=TIME, p_val=p_value)
        assert isinstance(message, Observation)
        assert message.p_value == (None if p_value is None else float(p_value))
        assert isinstance(message.p_value, float | None)

    @pytest.mark.parametrize("tier", ["SignificanceTier", "SigTier"])
    def test_significance(self, tier: str) -> None:
        message = said(tier=tier, detector_name="LVD", p_values=[0, 0.5, "0.25"], t_bin_width=1)
        assert isinstance(message, SignificanceTier)
        assert message.p_values == (0.0, 0.5, 0.25)
        assert message.t_bin_width_s == 1.0

    @pytest.mark.parametrize("tier", ["TimingTier", "TimeTier"])
    def test_timing(self, tier: str) -> None:
        message = said(tier=tier, detector_name="LVD", timing_series=[0, 5, 2**62], background_rate_Hz=0)
        assert isinstance(message, TimingTier)
        assert message.timing_series == (0, 5, 2**62)
        assert message.background_rate_hz == 0.0
        assert message.neutrino_time_ns is message.start_time_ns is None

    def test_a_timing_series_of_times_counts_from_the_earliest(self) -> None:
        times = ["2026-11-21T06:39:10.5Z", "2026-11-21T06:39:10.499999999Z", "2026-11-21T06:39:11Z"]
        message = said(tier="TimingTier", detector_name="LVD", timing_series=times)
        assert isinstance(message, TimingTier)
        assert message.timing_series == (1, 0, 500_000_001)
        assert message.start_time_ns == parse_utc(times[1])

    def test_an_empty_timing_series(self) -> None:
        message = said(tier="TimingTier", detector_name="LVD", timing_series=[])
        assert isinstance(message, TimingTier)
        assert message.timing_series == ()

    def test_heartbeat(self) -> None:
        for status in ("ON", "On", "on"):
            message = said(tier="Heartbeat", detector_name="LVD", detector_status=status)
            assert isinstance(message, Heartbeat)
            assert message.status == "ON"

    @pytest.mark.parametrize("spelling", ["retract_latest_n", "retract_latest", "N_retract_latest"])
    @pytest.mark.parametrize("count", [1, 7, "ALL"])
    def test_retraction_of_the_latest(self, spelling: str, count: Any) -> None:
        message = said(tier="Retraction", detector_name="LVD", **{spelling: count})
        assert isinstance(message, Retraction)
        assert (message.retract_message_uuid, message.retract_latest_n) == (None, count)

    @pytest.mark.parametrize("latest", [None, 0, 3, "ALL", -1])
    def test_retraction_by_uuid_wins(self, latest: Any) -> None:
        message = said(tier="Retraction", detector_name="LVD", retract_message_uuid="u", retract_latest_n=latest)
        assert isinstance(message, Retraction)
        assert (message.retract_message_uuid, message.retract_latest_n) == ("u", None)

    def test_nothing_says_what_it_is(self) -> None:
        assert refusal_of(detector_name="LVD") == (
            "the message has neither an id that says what it is, nor a tier, nor a neutrino_time"
        )
        assert "neither an id" in refusal_of()


class TestIds:
    """``_id`` is no identity, but it may say what a message is."""

    @pytest.mark.parametrize(
        ("detector_name", "message_id"),
        [
            ("XENONnT", "XENONnT_CoincidenceTier_2026-11-21T06:41:08.683805000"),
            ("JUNO", "JUNO_CoincidenceTier_None"),
            ("Det_with_many_underscores", "Det_with_many_underscores_CoincidenceTier_2026-11-21"),
            ("XENONnT", "19_CoincidenceTier_2026-11-21T06:41:37.896159"),
            ("KamLAND", "4_PRE-SN_CoincidenceTier_26/11/21 06:41:46"),
            ("KamLAND", "KamLAND_PRE-SN_CoincidenceTier_2026-11-21"),
        ],
    )
    @pytest.mark.parametrize("schema_version", ["1.1.0", "1.1.1", "1.3.1", None])
    @pytest.mark.parametrize("key", ["_id", "id"])
    def test_ids_of_observations(
        self, detector_name: str, message_id: str, schema_version: str | None, key: str
    ) -> None:
        fields = {key: message_id, "detector_name": detector_name, "schema_version": schema_version}
        message = said(**fields, neutrino_time=TIME)
        assert isinstance(message, Observation)
        assert message.is_pre_sn is ("PRE-SN" in message_id)

    @pytest.mark.parametrize("word", ["Heartbeat", "TimingTier", "SignificanceTier"])
    def test_underscores_of_the_detector_are_counted(self, word: str) -> None:
        fields: dict[str, Any] = {"timing_series": [1], "p_values": [1], "detector_status": "ON"}
        message = said(_id=f"My_Heartbeat_Detector_{word}_x", detector_name="My_Heartbeat_Detector", **fields)
        assert type(message).__name__ == word

    @pytest.mark.parametrize("message_id", ["", "_", "___", "CoincidenceTier", "X_", "a_b_c_d_e", "PRE-SN", "1_PRE-SN"])
    def test_ids_that_say_nothing(self, message_id: str) -> None:
        assert isinstance(said(_id=message_id, detector_name="LVD", neutrino_time=TIME), Observation)

    def test_the_tier_counts_before_the_id(self) -> None:
        message = said(id="LVD_TimingTier_x", tier="CoincidenceTier", detector_name="LVD", neutrino_time=TIME)
        assert isinstance(message, Observation)

    @pytest.mark.parametrize(("word", "kind"), [("Retraction", Retraction), ("Heartbeat", Heartbeat)])
    def test_but_not_before_a_retraction_or_heartbeat(self, word: str, kind: type[DetectorMessage]) -> None:
        fields: dict[str, Any] = {"retract_latest_n": 1, "detector_status": "ON", "neutrino_time": TIME}
        message = said(id=f"LVD_{word}_x", tier="CoincidenceTier", detector_name="LVD", **fields)
        assert isinstance(message, kind)

    def test_two_tiers_may_share_a_uuid(self) -> None:
        fields = {"uuid": "shared", "detector_name": "LVD", "neutrino_time": TIME, "timing_series": [1]}
        assert {said(tier=tier, **fields).kind for tier in ("CoincidenceTier", "TimingTier")} == {
            "observation",
            "timing",
        }
        assert {said(tier=tier, **fields).message_uuid for tier in ("CoincidenceTier", "TimingTier")} == {"shared"}


class TestTests:
    """What marks a test."""

    @pytest.mark.parametrize("value", [b"true", b"", None])
    def test_hop_header(self, value: bytes | None) -> None:
        raw = json_message(headers=(("_test", value),), detector_name="LVD", neutrino_time=TIME, is_test=False)
        assert decode(raw).message.is_test

    @pytest.mark.parametrize(
        "meta",
        [
            {"comment": "this is a test"},
            {"meta": {"x": "this is a test"}},
            {"a": 1, "b": {"c": {"d": "this is a test"}}},
        ],
    )
    def test_mark_of_snews_pt_1_2(self, meta: dict[str, Any]) -> None:
        fields = {"detector_name": "LVD", "neutrino_time": TIME, "meta": meta}
        assert said(_id="5_CoincidenceTier_x", schema_version="1.1.1", **fields).is_test
        assert not said(_id="LVD_CoincidenceTier_x", schema_version="1.3.1", **fields).is_test

    @pytest.mark.parametrize("meta", [None, {}, {"meta": None}, {"meta": {"meta": {}}}, [], "x", 3, {"a": ["b"]}])
    @pytest.mark.parametrize("message_id", ["5_CoincidenceTier_x", "LVD_CoincidenceTier_x"])
    def test_meta_of_any_kind(self, meta: Any, message_id: str) -> None:
        message = said(_id=message_id, schema_version="1.1.1", detector_name="LVD", neutrino_time=TIME, meta=meta)
        assert isinstance(message, Observation)
        assert not message.is_test


class TestModels:
    """Pickled models: the client's validation was skipped, so this is the only one."""

    def test_the_class_says_what_it_is(self) -> None:
        message = said_by_model(
            "CoincidenceTierMessage",
            id="LVD_TimingTier_x",
            tier="TimingTier",
            detector_name="LVD",
            neutrino_time_utc=TIME,
        )
        assert isinstance(message, Observation)

    def test_a_model_is_no_command(self) -> None:
        message = said_by_model("HeartbeatMessage", id="0_hard-reset", detector_name="LVD", detector_status="ON")
        assert isinstance(message, Heartbeat)

    @pytest.mark.parametrize(
        ("class_name", "fields", "reason"),
        [
            ("CoincidenceTierMessage", {}, "neutrino_time_utc is missing"),
            ("CoincidenceTierMessage", {"neutrino_time_utc": 5}, "neutrino_time_utc must be a time such as"),
            ("CoincidenceTierMessage", {"neutrino_time_utc": TIME, "p_val": 2}, "p_val must be a number in"),
            ("SignificanceTierMessage", {}, "p_values is missing"),
            ("TimingTierMessage", {"timing_series": [0.5]}, "timing_series[0] must be an integer or a time"),
            ("RetractionMessage", {}, "neither retract_message_uuid nor retract_latest_n"),
            ("HeartbeatMessage", {"detector_status": "MAYBE"}, "detector_status must be ON or OFF, not 'MAYBE'"),
        ],
    )
    def test_validation(self, class_name: str, fields: dict[str, Any], reason: str) -> None:
        with pytest.raises(MessageRefused) as refused:
            said_by_model(class_name, detector_name="LVD", **fields)
        assert reason in str(refused.value)


class TestOtherMessages:
    """What does not belong on the observation topic."""

    def test_alerts(self) -> None:
        assert "an alert of a coincidence server" in refusal_of(_id="SNEWS_Coincidence_ALERT x", detector_names=["a"])
        assert "an alert of hop-SNalert-app" in refusal_of(message_id="x", content="y")

    @pytest.mark.parametrize("detector_id", [None, 5, [], ""])
    def test_hop_plugin_without_a_detector(self, detector_id: Any) -> None:
        reason = refusal_of(message_id="x", detector_id=detector_id, neutrino_time="26/11/21 06:47:13")
        assert reason.startswith("detector_id ")
