"""Commands and connection tests: ``id`` decides before ``tier`` does, and each client gets its answer."""

import json
from typing import Any

import pytest

from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import (
    BrokerChange,
    ConnectionTest,
    DisplayHeartbeats,
    GetFeedback,
    HardReset,
)
from tests.messages.saying import TIME, refusal_of, said
from tests.support.samples import json_message


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
        for email in ("a@b.org; c@d.org;", ["a@b.org", " c@d.org"]):
            message = said(_id="0_Get-Feedback", detector_name="LVD", email=email)
            assert isinstance(message, GetFeedback)
            assert message.emails == ("a@b.org", "c@d.org")

    @pytest.mark.parametrize(
        ("email", "reason"),
        [
            (None, "email is missing"),
            ("", "email is missing"),
            (["a@b.org", 5], "email must be text"),
            ([], "email must hold 1 to 20 addresses"),
            (["a@b.org;c@d.org"], "is not a mail address"),
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

    def test_what_would_be_a_large_answer(self) -> None:
        size = len(json.dumps({**self.OLD, "x": "é" * 5_000}))
        reason = refusal_of(**self.OLD, x="é" * 5_000)
        assert reason == f"the connection test has {size} bytes, more than 10000"

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
