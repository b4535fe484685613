"""Every field with what it must not hold: a reason that names it."""

from typing import Any

import pytest

from snews_cs.messages.decoders.server_alert import NOTICE_ID
from snews_cs.messages.types import (
    Observation,
)
from tests.messages.saying import TIME, refusal_of, said

WRONG: list[Any] = [
    None,
    True,
    17,
    -1,
    1.5,
    10**18,
    "",
    "wrong",
    "NaN",
    "x" * 1_000_000,
    [],
    [[]],
    ["x"],
    [None],
    {},
    {"a": {}},
]


NO_TIMES = [True, 17, 1.5, "", "wrong", "2031-02-30T00:00:00Z", "x" * 10**6, [], {}]


class TestWrongTypes:
    """Every field, with everything that it may not hold: a reason that names it, or it is not read at all."""

    @pytest.mark.parametrize("value", NO_TIMES)
    def test_the_time_that_decides(self, value: Any) -> None:
        reason = refusal_of(detector_name="LVD", neutrino_time=value)
        assert reason.startswith("neutrino_time ")
        assert len(reason) < 250

    @pytest.mark.parametrize("field", ["machine_time", "sent_time_utc"])
    @pytest.mark.parametrize("value", NO_TIMES)
    def test_times_that_decide_nothing(self, field: str, value: Any) -> None:
        message = said(detector_name="LVD", neutrino_time=TIME, **{field: value})
        assert (message.machine_time_ns, message.sent_time_ns) == (None, None)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64])
    def test_numbers_that_decide_nothing(self, value: float) -> None:
        assert said(detector_name="LVD", neutrino_time=TIME, meta={"a": [value]}, b=value) == said(
            detector_name="LVD", neutrino_time=TIME
        )

    def test_numbers_that_decide(self) -> None:
        assert "nor a neutrino_time" in refusal_of(detector_name="LVD", neutrino_time=float("nan"))
        assert said(detector_name="LVD", neutrino_time=TIME, p_val=float("nan")) == said(
            detector_name="LVD", neutrino_time=TIME
        )
        assert refusal_of(detector_name="LVD", neutrino_time=TIME, p_val=2**64).startswith("p_val must be a number in")

    @pytest.mark.parametrize("field", ["is_test", "is_firedrill", "is_pre_sn"])
    @pytest.mark.parametrize("value", [0, 1, 1.5, "", "true", [], {}])
    def test_marks(self, field: str, value: Any) -> None:
        reason = refusal_of(detector_name="LVD", neutrino_time=TIME, **{field: value})
        assert reason.startswith(f"{field} must be true or false, not ")

    @pytest.mark.parametrize("field", ["is_test", "is_firedrill", "is_pre_sn", "p_val", "machine_time", "meta", "uuid"])
    def test_null_is_as_if_missing(self, field: str) -> None:
        assert said(detector_name="LVD", neutrino_time=TIME, **{field: None}) == said(
            detector_name="LVD", neutrino_time=TIME
        )

    @pytest.mark.parametrize(
        "value",
        [
            *(True, False, -1, -1e-300, 1.0000001, 2, 10**18, [], [0.5], {}),
            *(
                "",
                "high",
                "NaN",
                "nan",
                "inf",
                "0x1",
                "1_0",
                "-0.5",
                " 0.5",
                "0.5 ",
                "2",
                "\u0660",
                "1e999",
                "." * 10**6,
            ),
        ],
    )
    def test_p_values(self, value: Any) -> None:
        reason = refusal_of(detector_name="LVD", neutrino_time=TIME, p_val=value)
        assert reason.startswith("p_val must be a number in [0, 1], not ")
        assert len(reason) < 200

    @pytest.mark.parametrize("field", ["detector_name", "uuid", "id"])
    @pytest.mark.parametrize("value", [True, 17, 1.5, ["LVD"], {"name": "LVD"}, []])
    def test_texts(self, field: str, value: Any) -> None:
        fields = {"detector_name": "LVD", "neutrino_time": TIME, field: value}
        assert refusal_of(**fields).startswith(f"{field} must be text, not ")

    @pytest.mark.parametrize("field", ["detector_name", "uuid", "id"])
    def test_texts_without_end(self, field: str) -> None:
        reason = refusal_of(**{"detector_name": "LVD", "neutrino_time": TIME, field: "x" * 1_000_000})
        assert reason.startswith(f"{field} has 1000000 characters, more than ")

    @pytest.mark.parametrize("value", [None, ""])
    def test_no_detector(self, value: str | None) -> None:
        assert refusal_of(detector_name=value, neutrino_time=TIME) == "detector_name is missing"
        assert refusal_of(neutrino_time=TIME) == "detector_name is missing"

    @pytest.mark.parametrize("tier", [True, 1, "", "coincidence", "Tier.COINCIDENCE", [], {}, ["CoincidenceTier"]])
    def test_tiers(self, tier: Any) -> None:
        reason = refusal_of(detector_name="LVD", neutrino_time=TIME, tier=tier)
        assert reason.startswith("tier must be one of CoincidenceTier, ")

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"tier": "SignificanceTier"}, "p_values is missing"),
            ({"tier": "SignificanceTier", "p_values": 0.5}, "p_values must be a list, not 0.5"),
            ({"tier": "SignificanceTier", "p_values": [0.5, None]}, "p_values[1] must be a number in [0, 1], not None"),
            ({"tier": "SignificanceTier", "p_values": [], "t_bin_width": "wide"}, "t_bin_width must be a number that"),
            ({"tier": "SignificanceTier", "p_values": [], "t_bin_width": -1}, "t_bin_width must be a number that"),
            ({"tier": "SignificanceTier", "p_values": [], "t_bin_width": True}, "t_bin_width must be a number that"),
            ({"tier": "TimingTier"}, "timing_series is missing"),
            ({"tier": "TimingTier", "timing_series": "0, 1"}, "timing_series must be a list, not '0, 1'"),
            ({"tier": "TimingTier", "timing_series": [0, 1.5]}, "timing_series[1] must be an integer or a time, not"),
            ({"tier": "TimingTier", "timing_series": [True]}, "timing_series[0] must be an integer or a time, not"),
            ({"tier": "TimingTier", "timing_series": [0, TIME]}, "timing_series[0] must be a time such as"),
            ({"tier": "TimingTier", "timing_series": [TIME, "x"]}, "timing_series[1] 'x' is not a time"),
            ({"tier": "TimingTier", "timing_series": [], "time_bin_width_ns": 0}, "time_bin_width_ns must be an int"),
            ({"tier": "TimingTier", "timing_series": [], "time_bin_width_ns": 1.5}, "time_bin_width_ns must be an"),
            ({"tier": "TimingTier", "timing_series": [], "background_rate_Hz": "1"}, "background_rate_Hz must be a"),
            ({"tier": "TimingTier", "timing_series": [], "detection_channel": 1}, "detection_channel must be text"),
            ({"tier": "TimingTier", "timing_series": [], "start_time_utc": 1}, "start_time_utc must be a time"),
            ({"tier": "Heartbeat"}, "detector_status is missing"),
            ({"tier": "Heartbeat", "detector_status": True}, "detector_status must be text, not True"),
            ({"tier": "Heartbeat", "detector_status": "MAYBE"}, "detector_status must be ON or OFF, not 'MAYBE'"),
            ({"tier": "Retraction"}, "the retraction has neither retract_message_uuid nor retract_latest_n"),
            ({"tier": "Retraction", "retract_latest": 0}, 'retract_latest must be an integer above 0 or "ALL", not 0'),
            ({"tier": "Retraction", "retract_latest_n": -1}, "retract_latest_n must be an integer above 0"),
            ({"tier": "Retraction", "retract_latest_n": True}, "retract_latest_n must be an integer above 0"),
            ({"tier": "Retraction", "retract_latest_n": 1.0}, "retract_latest_n must be an integer above 0"),
            ({"tier": "Retraction", "retract_latest_n": "all of it"}, "retract_latest_n must be an integer above 0"),
            ({"tier": "Retraction", "retract_message_uuid": 5}, "retract_message_uuid must be text, not 5"),
            ({"tier": "Retraction", "retract_latest_n": 1, "retraction_reason": 5}, "retraction_reason must be text"),
            ({"tier": "Retraction", "retract_latest_n": 1, "which_tier": "SigTier"}, "which_tier 'SigTier': only"),
        ],
    )
    def test_other_tiers(self, fields: dict[str, Any], reason: str) -> None:
        assert refusal_of(detector_name="LVD", **fields).startswith(reason)

    @pytest.mark.parametrize("field", ["meta", "schema_version", "colour", "pass", "location"])
    @pytest.mark.parametrize("value", WRONG)
    def test_fields_that_are_not_read(self, field: str, value: Any) -> None:
        assert isinstance(said(detector_name="LVD", neutrino_time=TIME, **{field: value}), Observation)

    def test_control_characters_stay_on_one_line(self) -> None:
        assert refusal_of(detector_name="LVD", neutrino_time="x\n\x1b[31m\u2028").count("\n") == 0

    def test_minus_zero_is_zero(self) -> None:
        message = said(detector_name="LVD", neutrino_time=TIME, p_val=-0.0)
        assert isinstance(message, Observation)
        assert str(message.p_value) == "0.0"


def test_a_notice_is_no_observation() -> None:
    """Else the next notice would be about it."""
    body = {"id": f"{NOTICE_ID} {TIME}", "detector_name": "LVD", "neutrino_time": TIME, "message_uuid": "x"}
    assert "notice of a coincidence server" in refusal_of(**body)
