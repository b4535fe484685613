"""Admission: what counts, what is quarantined and with which words, and that nothing raises."""

from dataclasses import replace
from typing import Any

import pytest

from snews_cs.messages.admission import Reading, read_message
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Detector, Registry
from snews_cs.messages.times import NS_PER_S, format_utc
from snews_cs.messages.types import ConnectionTest, GetFeedback, HardReset, Observation, Verdict
from tests.messages.admitting import ACCEPTED, HOUR, NOW, PASSWORD, POLICY, command, read, read_observation
from tests.support.samples import json_message, sample, samples


class TestAge:
    """SPEC 2: 48 h back, 60 s ahead, both inclusive; tests may be of any time."""

    @pytest.mark.parametrize("ahead_ns", [0, -1, -48 * HOUR, NS_PER_S])
    def test_accepted(self, ahead_ns: int) -> None:
        assert read_observation(ahead_ns).verdict == ACCEPTED

    @pytest.mark.parametrize("ahead_ns", [NS_PER_S + 1, 2 * NS_PER_S, 60 * NS_PER_S])
    def test_a_clock_that_is_ahead_is_warned_of(self, ahead_ns: int) -> None:
        verdict = read_observation(ahead_ns).verdict
        assert verdict.accepted
        assert len(verdict.warnings) == 1
        assert verdict.warnings[0].endswith("ahead of this server's clock")

    @pytest.mark.parametrize(
        ("time", "reason"),
        [
            ("2031-01-01T00:00:00Z", "neutrino_time 2031-01-01T00:00:00.000000000Z is 4 years in the future"),
            ("2026-11-21T06:51:00.000000001Z", "neutrino_time 2026-11-21T06:51:00.000000001Z is 60 s in the future"),
            ("2026-11-19T06:49:59.999999999Z", "neutrino_time 2026-11-19T06:49:59.999999999Z is 2 days in the past"),
            ("2016-12-31T23:59:60Z", "neutrino_time 2016-12-31T23:59:60.000000000Z is 9 years in the past"),
        ],
    )
    def test_refused(self, time: str, reason: str) -> None:
        reading = read(detector_name="LVD", neutrino_time=time)
        assert reading.verdict == Verdict(reason=reason)
        assert isinstance(reading.message, Observation)
        assert (
            read(detector_name="LVD", neutrino_time=time, tier="TimingTier", timing_series=[]).verdict.reason == reason
        )

    @pytest.mark.parametrize("time", ["2030-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2261-12-31T23:59:59Z"])
    def test_tests_may_be_of_any_time(self, time: str) -> None:
        assert read(detector_name="LVD", neutrino_time=time, is_test=True).verdict == ACCEPTED

    def test_a_test_by_hop_header_too(self) -> None:
        raw = json_message(headers=(("_test", b"true"),), detector_name="TEST", neutrino_time="2030-01-01T00:00:00Z")
        reading = read_message(raw, NOW, POLICY)
        assert reading.verdict == ACCEPTED
        assert isinstance(reading.message, Observation)
        assert reading.message.is_test

    def test_the_tolerance_is_a_setting(self) -> None:
        policy = replace(POLICY, clock_skew_tolerance_ns=0, max_age_ns=NS_PER_S)
        for ahead_ns, accepted in ((NS_PER_S, True), (2 * NS_PER_S, False), (-NS_PER_S, True), (-NS_PER_S - 1, False)):
            raw = json_message(detector_name="LVD", neutrino_time=format_utc(NOW + ahead_ns))
            assert read_message(raw, NOW, policy).verdict.accepted is accepted


class TestDetectors:
    """Names are the registry's, after aliases and capitals."""

    @pytest.mark.parametrize(
        ("given", "name"), [("ICE", "IceCube"), ("icecube", "IceCube"), ("super-k", "Super-K"), ("19", "XENONnT")]
    )
    def test_resolved(self, given: str, name: str) -> None:
        message = read_observation(detector_name=given).message
        assert message is not None
        assert isinstance(message, Observation)
        assert message.detector_name == name

    def test_unknown(self) -> None:
        assert read_observation(detector_name="DETECTOR 1") == Reading(
            None, Verdict(reason="the detector 'DETECTOR 1' is not registered")
        )
        assert read(_id="0_test-connection", detector_name="nobody").verdict.reason is not None

    def test_test_is_no_detector(self) -> None:
        reason = "the detector TEST is accepted only with is_test"
        assert read_observation(detector_name="TEST").verdict.reason == reason
        assert read_observation(detector_name="test", is_test=False).verdict.reason == reason
        assert read(detector_name="TEST", tier="Heartbeat", detector_status="ON").verdict.reason == reason
        assert read(detector_name="TEST", tier="Retraction", retract_latest_n=1).verdict.reason == reason
        assert read_observation(detector_name="TEST", is_test=True).verdict == ACCEPTED

    def test_but_may_test_its_connection(self) -> None:
        reading = read(id="0_test-connection", detector_name="TEST", meta={"status": "received"})
        assert reading.verdict == ACCEPTED
        assert isinstance(reading.message, ConnectionTest)


class TestFiredrills:
    """A firedrill is a topic; the mark alone does not make one, but may not be on the real topic."""

    @pytest.mark.parametrize("is_firedrill", [True, False, None])
    @pytest.mark.parametrize("firedrill", [True, False])
    def test_mark_and_topic(self, is_firedrill: bool | None, firedrill: bool) -> None:
        policy = replace(POLICY, firedrill=firedrill)
        fields = {"detector_name": "LVD", "neutrino_time": format_utc(NOW), "is_firedrill": is_firedrill}
        verdict = read(policy, **fields).verdict
        if is_firedrill and not firedrill:
            assert verdict.reason == "is_firedrill is true on the real observation topic"
        else:
            assert verdict == ACCEPTED


class TestPasswords:
    """Commands with a password are off unless one is set."""

    @pytest.mark.parametrize("name", ["hard-reset", "display-heartbeats", "broker-change"])
    def test_right(self, name: str) -> None:
        reading = command(name, **{"pass": PASSWORD, "new_broker": "kafka://x/y"})
        assert reading.verdict == ACCEPTED
        assert PASSWORD not in repr(reading)

    @pytest.mark.parametrize("given", ["hunter2", PASSWORD + "x", PASSWORD.upper(), PASSWORD[:-1], "\ud800", "é", "\0"])
    def test_wrong(self, given: str) -> None:
        reading = command(**{"pass": given})
        assert reading.verdict.reason == "hard-reset came with a wrong password"
        assert isinstance(reading.message, HardReset)
        assert given not in repr(reading)

    @pytest.mark.parametrize("fields", [{}, {"pass": None}, {"pass": ""}])
    def test_missing(self, fields: dict[str, Any]) -> None:
        assert command(**fields).verdict.reason == "hard-reset came without the password"

    @pytest.mark.parametrize("configured", [None, ""])
    @pytest.mark.parametrize("given", [None, "", "x"])
    def test_off(self, configured: str | None, given: str | None) -> None:
        policy = replace(POLICY, admin_password=configured)
        reason = command("hard-reset", policy, **{"pass": given}).verdict.reason
        assert reason == "hard-reset is off: no snews_cs_admin_pass is set"

    def test_outside_ascii(self) -> None:
        policy = replace(POLICY, admin_password="pässwörd \udc80")
        assert not command("hard-reset", policy, **{"pass": "passwort"}).verdict.accepted
        assert (
            command("hard-reset", replace(POLICY, admin_password="pässwörd"), **{"pass": "pässwörd"}).verdict
            == ACCEPTED
        )

    def test_never_shown(self) -> None:
        assert PASSWORD not in repr(POLICY)

    def test_others_need_none(self) -> None:
        assert command("test-connection").verdict == ACCEPTED
        assert read_observation(**{"pass": "anything"}).verdict == ACCEPTED


class TestFeedback:
    """Only addresses registered for that detector are answered."""

    POLICY = replace(
        POLICY,
        registry=Registry((Detector(name="LVD", emails=("shift@lvd.example", "chief@lvd.example")),)),
    )

    def test_registered_addresses_are_kept(self) -> None:
        emails = "Shift@LVD.example;thief@evil.example"
        reading = command("Get-Feedback", self.POLICY, email=emails)
        assert reading.verdict == ACCEPTED
        assert isinstance(reading.message, GetFeedback)
        assert reading.message.emails == ("Shift@LVD.example",)

    def test_none_is_registered(self) -> None:
        reading = command("Get-Feedback", self.POLICY, email="thief@evil.example")
        assert reading.verdict.reason == "none of the addresses is registered for LVD"


def test_every_sample_is_read() -> None:
    readings = {str(found): read_message(found.raw(), NOW, POLICY) for found in samples()}
    refused = {name: reading.verdict.reason for name, reading in readings.items() if not reading.verdict.accepted}
    test_only = "the detector TEST is accepted only with is_test"
    firedrill = "is_firedrill is true on the real observation topic"
    server_alert = "the message is an alert of a coincidence server, not a detector's message"
    assert refused == {
        "hop-SNalert-app_alert[0]": "the message is an alert of hop-SNalert-app, not a detector's message",
        "hop-SNalert-app_heartbeat[0]": "the detector 'DETECTOR 1' is not registered",
        "hop-SNalert-app_observation[0]": "the detector 'DETECTOR 1' is not registered",
        "server_alert_2022-09_firedrill[0]": server_alert,
        "server_alert_documented_in_snews_pt_subscribe_docs[0]": server_alert,
        "snews_pt-1.0.0_timing[0]": test_only,
        "snews_pt-1.0.0_timing[1]": test_only,
        "snews_pt-1.4.0_cmd_change_broker[0]": "broker-change came with a wrong password",
        "snews_pt-1.4.0_cmd_get_feedback[0]": "none of the addresses is registered for XENONnT",
        "snews_pt-1.4.0_cmd_reset_cache[0]": "hard-reset came with a wrong password",
        "snews_pt-1.4.0_cmd_write_hb_logs[0]": "display-heartbeats came with a wrong password",
        "snews_pt-3.0.0_cmd_change_broker[0]": "broker-change came with a wrong password",
        "snews_pt-3.0.0_cmd_get_feedback[0]": "none of the addresses is registered for XENONnT",
        "snews_pt-3.0.0_cmd_reset_cache[0]": "hard-reset came with a wrong password",
        "snews_pt-3.0.0_cmd_write_hb_logs[0]": "display-heartbeats came with a wrong password",
        "snews_pt-3.0.0_coincidence_with_extra_and_meta[0]": firedrill,
        "snews_pt-3.0.0_heartbeat_cli_defaults[0]": firedrill,
    }
    assert all(not reading.verdict.warnings for reading in readings.values())


def test_the_commands_of_the_samples_with_their_password() -> None:
    policy = replace(POLICY, admin_password="PASS")
    for name in ("change_broker", "reset_cache", "write_hb_logs"):
        for version in ("1.4.0", "3.0.0"):
            raw = sample(f"snews_pt-{version}_cmd_{name}").raw()
            assert read_message(raw, NOW, policy).verdict == ACCEPTED


@pytest.mark.parametrize("value", [None, b"", b"\x80", b"\x80\x04.", b"{}", b"null", b"\xff" * 100, b"[" * 1_000_000])
def test_what_is_no_message(value: bytes | None) -> None:
    reading = read_message(RawMessage("t", 0, 0, -1, (), value), NOW, POLICY)
    assert reading.message is None
    assert reading.verdict.reason


class TestWhoMaySpeak:
    """Muted detectors, and detectors bound to the users that may speak for them."""

    def test_a_muted_detector_observes_nothing_but_still_retracts(self) -> None:
        policy = replace(POLICY, muted=frozenset({"IceCube"}))
        reading = read(policy, detector_name="ICE", neutrino_time=format_utc(NOW))
        assert reading.verdict == Verdict(reason="IceCube is muted (MUTED_DETECTORS)")
        assert reading.message is not None
        assert read(policy, detector_name="IceCube", tier="Retraction", retract_latest_n=1).verdict.accepted
        assert read(policy, detector_name="LVD", neutrino_time=format_utc(NOW)).verdict.accepted

    @pytest.mark.parametrize(
        ("sender", "reason"),
        [
            (b"lvd-operator", None),
            (b"somebody", "'somebody' may not speak for LVD"),
            (b"\xff", "'\ufffd' may not speak for LVD"),
            (None, "'' may not speak for LVD"),
        ],
    )
    def test_a_bound_detector_is_believed_from_its_users_only(self, sender: bytes | None, reason: str | None) -> None:
        bound = Registry((Detector(number=5, name="LVD", senders=("lvd-operator",)),))
        raw = json_message(detector_name="LVD", neutrino_time=format_utc(NOW))
        if sender is not None:
            raw = replace(raw, headers=(*raw.headers, ("_sender", sender)))
        assert read_message(raw, NOW, replace(POLICY, registry=bound)).verdict.reason == reason
