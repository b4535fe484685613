"""Fault points: where they are asked for, and nowhere else."""

import signal
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from snews_cs.cli import main
from snews_cs.errors import SettingsError, StoreUnreachable
from snews_cs.fault_points import STEPS, VARIABLE, FaultPoint, interpose
from snews_cs.server.sender import AlertPublisher
from snews_cs.storage.protocol import Storage
from snews_cs.streams.observations import ObservationStream

KINDS = {"stream": ObservationStream, "storage": Storage, "publisher": AlertPublisher, "spool": Storage}


class Recorder:
    """A store that says in which order it was asked and the signals came."""

    def __init__(self, happened: list[str]) -> None:
        self.happened = happened

    def mark_published(self, sequence: int) -> bool:
        self.happened.append(f"mark {sequence}")
        if sequence == 0:
            raise StoreUnreachable("the store is played to be away")
        return True

    def last_sequence(self) -> int:
        return 7


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what happens; signals are only noted."""
    happened: list[str] = []
    monkeypatch.setattr(signal, "raise_signal", lambda number: happened.append(signal.Signals(number).name))
    return happened


@pytest.fixture
def storage(happened: list[str]) -> Storage:
    return cast("Storage", Recorder(happened))


def test_nothing_is_in_the_way_unless_asked_for(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpose("storage", storage) is storage
    monkeypatch.setenv(VARIABLE, "kill before read 1")
    assert interpose("storage", storage) is storage
    monkeypatch.setenv(VARIABLE, "kill before mark 1")
    assert interpose("storage", storage) is not storage


@pytest.mark.parametrize("deed", ["kill", "stop", "term"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_at_its_call_and_no_other(
    storage: Storage, happened: list[str], monkeypatch: pytest.MonkeyPatch, deed: str, when: str
) -> None:
    monkeypatch.setenv(VARIABLE, f"{deed} {when} mark 2")
    interposed = interpose("storage", storage)
    assert all(interposed.mark_published(sequence) for sequence in (11, 12, 13))
    assert interposed.last_sequence() == 7
    name = {"kill": "SIGKILL", "stop": "SIGSTOP", "term": "SIGTERM"}[deed]
    second = [name, "mark 12"] if when == "before" else ["mark 12", name]
    assert happened == ["mark 11", *second, "mark 13"]


def test_not_after_what_failed(storage: Storage, happened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "kill after mark 1")
    with pytest.raises(StoreUnreachable):
        interpose("storage", storage).mark_published(0)
    assert happened == ["mark 0"]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_a_call(step: str) -> None:
    assert callable(getattr(KINDS[STEPS[step].collaborator], STEPS[step].method))
    assert FaultPoint.parse(f"term after {step} 12") == FaultPoint(signal.SIGTERM, False, STEPS[step], 12)


@pytest.mark.parametrize(
    "text",
    [
        *("", "kill", "kill before append", "kill before append 0", "kill before append 1 2", "kill  before append 1"),
        *(
            "harm before append 1",
            "kill at append 1",
            "kill before lunch 1",
            "kill before append -1",
            "Kill after mark 1",
        ),
        *("kill before append 1\n", "kill before append \u0661"),
    ],
)
def test_what_is_no_fault_point_is_refused(storage: Storage, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SettingsError, match=VARIABLE):
        interpose("storage", storage)


def test_the_command_ends_with_exit_code_2(tmp_path: Path) -> None:
    environment = {VARIABLE: "kill before lunch 1", "DATABASE_SERVER": f"sqlite:///{tmp_path / 'store.sqlite'}"}
    result = CliRunner().invoke(main, ["run-coincidence"], env=environment)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "'kill before lunch 1' is not kill|stop|term before|after STEP NUMBER" in result.stderr
