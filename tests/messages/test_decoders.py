"""Decoders: messages by hand, ids, commands, the traps of WIRE, and a reason for everything that is wrong."""

import json
from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import DECODERS, decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import (
    BrokerChange,
    ConnectionTest,
    DetectorMessage,
    DisplayHeartbeats,
    GetFeedback,
    HardReset,
    Heartbeat,
    Observation,
    Retraction,
    SignificanceTier,
    TimingTier,
)
from tests.support.pickles import pickled
from tests.support.samples import json_message

TIME = "2026-11-21T06:39:10.401568123Z"
TIME_NS = parse_utc(TIME)


def said(**fields: Any) -> DetectorMessage:
    return decode(json_message(**fields)).message


def said_by_model(class_name: str, **fields: Any) -> DetectorMessage:
    return decode(RawMessage("t", 0, 0, -1, (), pickled(class_name, **fields))).message


def refusal_of(**fields: Any) -> str:
    with pytest.raises(MessageRefused) as refused:
        said(**fields)
    return str(refused.value)


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


class TestWrongTypes:
    """Every field, with everything that it may not hold: a reason that names it, or it is not read at all."""

    @pytest.mark.parametrize("field", ["neutrino_time", "machine_time", "sent_time_utc"])
    @pytest.mark.parametrize("value", [True, 17, 1.5, "", "wrong", "2031-02-30T00:00:00Z", "x" * 10**6, [], {}])
    def test_times(self, field: str, value: Any) -> None:
        fields = {"detector_name": "LVD", "neutrino_time": TIME, field: value}
        reason = refusal_of(**fields)
        assert reason.startswith(f"{field} ")
        assert len(reason) < 250

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


class TestCommands:
    """``id`` decides before ``tier`` does."""

    @pytest.mark.parametrize("suffix", ["", "_", "_2026-11-21"])
    @pytest.mark.parametrize("key", ["_id", "id"])
    @pytest.mark.parametrize(
        ("command", "kind"), [("hard-reset", HardReset), ("display-heartbeats", DisplayHeartbeats)]
    )
    def test_commands_with_a_password(
        self, command: str, kind: type[HardReset | DisplayHeartbeats], key: str, suffix: str
    ) -> None:
        fields: dict[str, Any] = {
            key: f"0_{command}{suffix}",
            "pass": "hunter2",
            "detector_name": "LVD",
            "tier": "Heartbeat",
        }
        decoded = decode(json_message(**fields))
        assert decoded.message == kind(detector_name="LVD", message_uuid="snews.experiments-test/0/0")
        assert decoded.password == "hunter2"
        assert "hunter2" not in repr(decoded)

    @pytest.mark.parametrize("password", [5, True, ["hunter2"], {"hunter2": 1}])
    def test_a_password_of_another_type_is_not_quoted(self, password: Any) -> None:
        assert refusal_of(_id="0_hard-reset", detector_name="LVD", **{"pass": password}) == "the password must be text"

    def test_broker_change(self) -> None:
        message = said(_id="0_broker-change", detector_name="LVD", new_broker="kafka://x/y")
        assert isinstance(message, BrokerChange)
        assert message.new_broker == "kafka://x/y"
        assert refusal_of(_id="0_broker-change", detector_name="LVD") == "new_broker is missing"
        assert "new_broker must be text" in refusal_of(_id="0_broker-change", detector_name="LVD", new_broker=7)

    def test_feedback(self) -> None:
        message = said(_id="0_Get-Feedback", detector_name="LVD", email="a@b.org; c@d.org;")
        assert isinstance(message, GetFeedback)
        assert message.emails == ("a@b.org", "c@d.org")

    @pytest.mark.parametrize(
        ("email", "reason"),
        [
            (None, "email is missing"),
            ("", "email is missing"),
            (["a@b.org"], "email must be text"),
            (";;", "email must hold 1 to 20 addresses"),
            (";".join(["a@b.org"] * 21), "email must hold 1 to 20 addresses"),
            ("nobody", "email: 'nobody' is not a mail address"),
            ("a@b.org\nBcc: c@d.org", "is not a mail address"),
            ("a@b@c", "is not a mail address"),
            ("x" * 9_000 + "@b.org", "is not a mail address"),
        ],
    )
    def test_feedback_to_nobody(self, email: Any, reason: str) -> None:
        assert reason in refusal_of(_id="0_Get-Feedback", detector_name="LVD", email=email)

    def test_a_command_of_nobody(self) -> None:
        assert refusal_of(_id="0_hard-reset") == "detector_name is missing"


class TestConnectionTest:
    """Each client gets the answer that it waits for."""

    OLD: dict[str, Any] = {"_id": "0_test-connection", "detector_name": "LVD", "time": TIME, "meta": {}}  # noqa: RUF012
    NEW: dict[str, Any] = {  # noqa: RUF012
        "id": "0_test-connection",
        "uuid": "u",
        "tier": "Heartbeat",
        "meta": {"status": "received"},
        "detector_name": "LVD",
    }

    def reply_to(self, **fields: Any) -> dict[str, Any]:
        message = said(**fields)
        assert isinstance(message, ConnectionTest)
        return message.reply

    def test_up_to_1_4(self) -> None:
        assert self.reply_to(**self.OLD, status="sending") == {**self.OLD, "status": "received"}
        assert self.reply_to(**self.OLD) == {**self.OLD, "status": "received"}

    def test_an_answer_is_not_answered(self) -> None:
        assert refusal_of(**self.OLD, status="received") == "the connection test is an answer already"

    @pytest.mark.parametrize("times", [1, 2])
    def test_from_2_on_encoded_once_or_twice(self, times: int) -> None:
        content: Any = self.NEW
        for _ in range(times):
            content = json.dumps(content)
        message = decode(RawMessage("t", 0, 0, -1, (), content.encode())).message
        assert isinstance(message, ConnectionTest)
        assert message.reply == self.NEW
        assert message.message_uuid == "u"

    @pytest.mark.parametrize("meta", [None, {}, "x", {"k": 1}, {"status": "sending"}])
    def test_from_2_on_the_status_stands_in_meta(self, meta: Any) -> None:
        kept = meta if isinstance(meta, dict) else {}
        assert self.reply_to(**{**self.NEW, "meta": meta}) == {**self.NEW, "meta": {**kept, "status": "received"}}


class TestOtherMessages:
    """What does not belong on the observation topic."""

    def test_alerts(self) -> None:
        assert "an alert of a coincidence server" in refusal_of(_id="SNEWS_Coincidence_ALERT x", detector_names=["a"])
        assert "an alert of hop-SNalert-app" in refusal_of(message_id="x", content="y")

    @pytest.mark.parametrize("detector_id", [None, 5, [], ""])
    def test_hop_plugin_without_a_detector(self, detector_id: Any) -> None:
        reason = refusal_of(message_id="x", detector_id=detector_id, neutrino_time="26/11/21 06:47:13")
        assert reason.startswith("detector_id ")
