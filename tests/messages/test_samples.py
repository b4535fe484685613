"""Every captured record decodes to the right typed value; nothing of it is lost or guessed."""

from typing import Any

import pytest

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import MESSAGE
from snews_cs.messages.unpickle import unpickle
from tests.messages.expected_samples import EXPECTED, REFUSED, t
from tests.support.samples import Sample, samples

ACCEPTED = [found for found in samples() if str(found) in EXPECTED]


def test_every_sample_has_an_expectation() -> None:
    assert {str(found) for found in samples()} == EXPECTED.keys() | REFUSED.keys()


@pytest.mark.parametrize("found", ACCEPTED, ids=str)
def test_decodes_to_the_right_value(found: Sample) -> None:
    assert decode(found.raw()).message == EXPECTED[str(found)]


@pytest.mark.parametrize("found", [found for found in samples() if str(found) in REFUSED], ids=str)
def test_what_is_no_detectors_message_is_refused(found: Sample) -> None:
    with pytest.raises(MessageRefused, match=REFUSED[str(found)]):
        decode(found.raw())


@pytest.mark.parametrize("found", [found for found in samples() if found.value.startswith(b"\x80")], ids=str)
def test_pickles_hold_what_the_capture_says(found: Sample) -> None:
    assert unpickle(found.value).fields == found.fields


@pytest.mark.parametrize("found", ACCEPTED, ids=str)
def test_values_are_those_of_the_capture(found: Sample) -> None:
    """Compare with the capture's own fields, so that a slip in the table of expectations is seen."""
    message = decode(found.raw()).message

    def captured(*names: str) -> Any:
        return next((found.fields[name] for name in names if found.fields.get(name) is not None), None)

    assert message.detector_name == captured("detector_name", "detector_id")
    assert message.is_test is bool(captured("is_test"))
    assert message.is_firedrill is bool(captured("is_firedrill"))
    assert getattr(message, "is_pre_sn", False) is (
        bool(captured("is_pre_sn")) or "PRE-SN" in found.fields.get("_id", "")
    )
    assert getattr(message, "p_value", None) == captured("p_val", "p_value")
    if (time := captured("neutrino_time", "neutrino_time_utc")) and hasattr(message, "neutrino_time_ns"):
        iso = f"20{time[:2]}-{time[3:5]}-{time[6:8]}T{time[9:17]}.{time[18:]}" if "/" in time else time.rstrip("Z")
        assert message.neutrino_time_ns == t(iso)


@pytest.mark.parametrize("found", ACCEPTED, ids=str)
def test_messages_survive_json(found: Sample) -> None:
    message = decode(found.raw()).message
    assert MESSAGE.validate_json(MESSAGE.dump_json(message)) == message


def test_hop_plugin_in_the_envelope_of_hop_before_0_6() -> None:
    wrapped = b'{"format": "snewsobservation", "content": %s}'
    for found in ACCEPTED:
        if found.name.startswith("hop-SNalert-app"):
            raw = RawMessage("t", 0, 0, -1, (), wrapped % found.value)
            assert decode(raw).message == EXPECTED[str(found)]


def test_passwords_come_beside_the_message() -> None:
    passwords = {str(found): decode(found.raw()).password for found in ACCEPTED if "cmd" in found.name}
    assert {name for name, password in passwords.items() if password == "PASS"} == {
        f"snews_pt-{version}_cmd_{command}[0]"
        for version in ("1.4.0", "3.0.0")
        for command in ("change_broker", "reset_cache", "write_hb_logs")
    }
    assert "PASS" not in "".join(map(repr, (decode(found.raw()) for found in ACCEPTED)))


class TestMovedSamples:
    """The helper that gives other tests captured bytes with times of their choice."""

    @pytest.mark.parametrize("found", ACCEPTED, ids=str)
    def test_times_move_and_nothing_else(self, found: Sample) -> None:
        moved = found.moved(3 * 10**9)
        assert len(moved.value) == len(found.value)
        before, after = (decode(each.raw()).message for each in (found, moved))
        for name in ("neutrino_time_ns", "machine_time_ns", "sent_time_ns", "start_time_ns"):
            if (time := getattr(before, name, None)) is not None:
                assert getattr(after, name) == time + 3 * 10**9
        assert moved.moved(-3 * 10**9) == found

    def test_moved_to_a_neutrino_time(self) -> None:
        now = t("2026-12-01T00:00:00.123456789")
        moved = {
            found.name: decode(found.moved_to(now).raw()).message
            for found in ACCEPTED
            if found.name.endswith("_coincidence")
        }
        assert {name: getattr(message, "neutrino_time_ns", 0) - now for name, message in moved.items()} == {
            "snap_client_sender_coincidence": 0,
            "snews_pt-1.0.0_coincidence": -789,
            "snews_pt-1.2.0_coincidence": -789,
            "snews_pt-1.4.0_coincidence": 0,
            "snews_pt-3.0.0_coincidence": 0,
        }

    def test_sent_again_is_another_message(self) -> None:
        for found in ACCEPTED:
            if found.headers:
                assert decode(found.sent_again().raw()).message.message_uuid != decode(found.raw()).message.message_uuid
