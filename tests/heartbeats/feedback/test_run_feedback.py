"""The command, as installed, from a store to a mail server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from snews_cs.messages.times import NS_PER_S, tai_now
from snews_cs.messages.types import GetFeedback
from snews_cs.storage.sqlite.store import SqliteStorage
from tests.heartbeats.feedback.beating import Beating
from tests.storage.builders import DAY_NS
from tests.streams.conftest import wait_for
from tests.support.feedback import SNEWS_CS, feedback_environment, running_feedback
from tests.support.mail_server import MailServer

SHIFT = "shift@juno.example.org"


@pytest.fixture
def beating(tmp_path: Path) -> Iterator[Beating]:
    """Give the store that the command looks at, to write into as a server does."""
    with closing(SqliteStorage(tmp_path / "store.sqlite", heartbeats_kept_ns=7 * DAY_NS)) as store:
        store.prepare()
        yield Beating(store)


@pytest.fixture
def environment(tmp_path: Path, mail: MailServer) -> dict[str, str]:
    return feedback_environment(tmp_path, f"sqlite:///{tmp_path}/store.sqlite", mail, {"JUNO": [SHIFT]})


def test_silent_back_and_asked_over_restarts(
    beating: Beating, environment: dict[str, str], mail: MailServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    beating.beat("JUNO", until_ns=tai_now() - 600 * NS_PER_S, beats=1_000)
    with running_feedback(environment, log):
        wait_for(lambda: len(mail.messages) == 1, 60)
        beating.receive([(tai_now(), GetFeedback(detector_name="JUNO", message_uuid="ask", emails=(SHIFT,)))])
        wait_for(lambda: len(mail.messages) == 2, 60)
    beating.beat("JUNO", until_ns=tai_now(), beats=1)
    with running_feedback(environment, log):
        wait_for(lambda: len(mail.messages) == 3, 60)
    with running_feedback(environment, log):
        wait_for(lambda: "looking after heartbeats" in log.read_text(), 60)
    silent, answer, back = mail.messages
    assert silent["Subject"].startswith("JUNO is silent: not heard since ")
    assert back["Subject"].startswith("JUNO is back, after ")
    assert [part.get_content_type() for part in answer.iter_attachments()] == ["image/png"]
    assert [path.suffix for path in (tmp_path / "figures").iterdir()] == [".png"]


def test_a_mail_server_that_is_away_is_waited_for(
    beating: Beating, environment: dict[str, str], mail: MailServer, tmp_path: Path
) -> None:
    beating.beat("JUNO", until_ns=tai_now() - 600 * NS_PER_S, beats=10)
    mail.faults["MAIL"] = ["421 closing", "451 busy"]
    with running_feedback(environment, tmp_path / "log"):
        wait_for(lambda: mail.messages, 60)
    assert "a mail cannot be sent now" in (tmp_path / "log").read_text()


def test_old_figures_go(beating: Beating, environment: dict[str, str], tmp_path: Path) -> None:
    old = tmp_path / "figures" / "JUNO_2020-01-01T00-00-00Z.png"
    old.parent.mkdir()
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    with running_feedback(environment, tmp_path / "log"):
        wait_for(lambda: not old.exists(), 60)


@pytest.mark.parametrize(
    ("changes", "options", "line"),
    [
        (
            {"smtp_server_addr": ""},
            (),
            "snews_cs: smtp_server_addr and snews_sender_email are needed to send mail",
        ),
        (
            {"DATABASE_SERVER": "sqlite:///nowhere.sqlite"},
            (),
            "snews_cs: DATABASE_SERVER: there is no store at nowhere",
        ),
        ({"DETECTOR_REGISTRY": "/nowhere.json"}, (), "snews_cs: registry /nowhere.json: No such file or directory"),
        ({}, ("--data", "."), "snews_cs: --data goes with --embedded"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    environment: dict[str, str], changes: dict[str, str], options: tuple[str, ...], line: str
) -> None:
    done = subprocess.run(
        [SNEWS_CS, "run-feedback", *options],
        env=environment | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    [said] = done.stderr.splitlines()
    assert said.startswith(line)


def test_it_needs_no_display_and_no_home(
    beating: Beating, environment: dict[str, str], mail: MailServer, tmp_path: Path
) -> None:
    """As under systemd."""
    beating.receive([(tai_now(), GetFeedback(detector_name="JUNO", message_uuid="ask", emails=(SHIFT,)))])
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    environment["STATE_DIRECTORY"] = str(tmp_path)
    del environment["FIGURES_DIRECTORY"]
    with running_feedback(environment | {"HOME": "/nonexistent", "TMPDIR": str(tmp_path)}, tmp_path / "log"):
        wait_for(lambda: mail.messages, 60)
    assert len(list((tmp_path / "figures").iterdir())) == 1
