"""A fault of ours costs one message, never the server, and nothing of what the message held gets out."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.typing import EventDict

from snews_cs.coincidence.content import alert_json
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert
from snews_cs.messages.decoders import decode
from snews_cs.messages.masking import mask_passwords
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.types import Parameters
from tests.server.conftest import PASSWORD, OpenHouse, said, seen

GUESS = "a wrong guess"
FAULTY = seen("LVD", 2, comment=f"{PASSWORD}, or was it pass: {GUESS}")

Break = Callable[[pytest.MonkeyPatch], None]


class Fault(Exception):
    """A fault whose text holds what must not get out."""

    def __init__(self) -> None:
        super().__init__(f"{PASSWORD}, or was it pass: {GUESS}")


def decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(raw: RawMessage) -> Any:
        if b"LVD" in (raw.value or b""):
            raise Fault
        return decode(raw)

    monkeypatch.setattr("snews_cs.messages.admission.decode", faulty)


def masking(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(raw: RawMessage, secret: str | None) -> RawMessage:
        if b"LVD" in (raw.value or b""):
            raise Fault
        return mask_passwords(raw, secret)

    monkeypatch.setattr("snews_cs.server.loop.mask_passwords", faulty)


def deciding(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch = Engine._dispatch

    def faulty(self: Engine, message: Any, change: Any) -> Any:
        disposition = dispatch(self, message, change)
        if message.kind == "parameters" or message.detector_name == "LVD":
            raise Fault
        return disposition

    monkeypatch.setattr(Engine, "_dispatch", faulty)


def writing(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(alert: Alert, **options: Any) -> str:
        if "LVD" in [member.detector_name for member in alert.members]:
            raise Fault
        return alert_json(alert, **options)

    monkeypatch.setattr("snews_cs.server.deciding.alert_json", faulty)


@pytest.mark.parametrize("breaking", [decoding, masking, deciding, writing])
@pytest.mark.parametrize("position", range(3))
def test_a_fault_costs_one_message(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lines: list[EventDict], breaking: Break, position: int
) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    group = [seen("XENONnT", 1), seen("IceCube", 3)]
    group.insert(position, FAULTY)
    with monkeypatch.context() as patch:
        breaking(patch)
        house.say(*group)
    faulty = house.entries()[1 + position]
    assert faulty.verdict.reason == "internal error: Fault"
    assert (faulty.outcome, faulty.alerts_json, faulty.published) == (None, (), True)
    assert [entry.key for entry in house.entries() if not entry.verdict.accepted] == [faulty.key]
    assert house.topic.done == [0, 1, 2, 3]
    assert [alert["detector_names"] for alert in house.publisher.contents()] == [
        ["JUNO", "XENONnT"],
        ["JUNO", "XENONnT", "IceCube"],
    ]
    (alarm,) = said(lines, "ALARM")
    assert alarm["key"] == faulty.key
    assert [row["reason"] for row in house.rows("quarantine")] == ["internal error: Fault"]
    assert open_house().journal.engine.snapshot() == house.journal.engine.snapshot()
    house.say(seen("KamLAND", 4))
    assert house.publisher.contents()[-1]["revision"] == 3
    assert len(said(lines, "ALARM")) == 1


@pytest.mark.parametrize("breaking", [decoding, masking, deciding, writing])
def test_what_could_not_be_masked_is_not_kept(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, breaking: Break
) -> None:
    house = open_house()
    breaking(monkeypatch)
    house.say(seen("JUNO"), FAULTY)
    faulty = house.entries()[1]
    assert (faulty.message is None) == (faulty.raw.value is None) == (breaking in (decoding, masking))
    kept = b"".join(file.read_bytes() for file in house.path.parent.glob(f"{house.path.name}*"))
    assert b"JUNO" in kept
    assert PASSWORD.encode() not in kept
    assert GUESS.encode() not in kept


def test_an_engine_that_fails_on_the_journal_is_an_alarm(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lines: list[EventDict]
) -> None:
    house = open_house()
    house.say(seen("JUNO"), FAULTY, seen("XENONnT", 4))
    deciding(monkeypatch)
    again = open_house(publisher=house.publisher)
    assert again.journal.sequence == 3
    failed, *others = said(lines, "ALARM")
    assert failed["event"] == "ALARM: the engine failed on an entry of the journal"
    assert failed["sequence"] == 2
    assert [line["sequence"] for line in others] == [3]  # in which LVD is missing
    again.say(seen("IceCube", 5))
    assert again.publisher.contents()[-1]["detector_names"] == ["JUNO", "XENONnT", "IceCube"]


def test_another_outcome_than_the_journals_is_an_alarm(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lines: list[EventDict]
) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1))
    monkeypatch.setattr("snews_cs.coincidence.alerts.MIN_DETECTORS", 3)
    again = open_house()
    (alarm,) = said(lines, "ALARM")
    assert alarm["event"] == "ALARM: this engine decides otherwise than the journal says"
    assert (alarm["sequence"], alarm["writer"]) == (2, "test")
    assert again.journal.sequence == 2


def test_no_alarm_without_a_reason(open_house: OpenHouse, lines: list[EventDict]) -> None:
    house = open_house()
    house.say(seen("JUNO"), seen("XENONnT", 1), b"junk", seen("LVD", 30), {**seen("JUNO"), "is_firedrill": True})
    open_house(parameters=Parameters(refine_window_ns=0))
    open_house()
    assert said(lines, "ALARM") == []


def test_parameters_that_the_engine_fails_on_are_tried_once(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, lines: list[EventDict]
) -> None:
    house = open_house()
    house.say(seen("JUNO"))
    deciding(monkeypatch)
    again = open_house(parameters=Parameters(refine_window_ns=0))
    assert again.journal.sequence == 2
    assert again.journal.engine.parameters == Parameters()
    assert len(said(lines, "ALARM")) == 1
    again.say(seen("XENONnT", 1))
    assert len(again.publisher.uuids()) == 1
