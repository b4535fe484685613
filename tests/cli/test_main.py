"""The group of commands: options before the command, errors as one line, and nothing heavy loaded early."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from snews_cs import __version__
from snews_cs.cli import COMMANDS, main
from snews_cs.cli.group import LazyCommand, LazyGroup
from snews_cs.errors import BrokerUnreachable, SettingsError
from snews_cs.settings import MASK, Settings

HEAVY = {"confluent_kafka", "hop", "kio", "matplotlib", "numpy", "pandas", "pymongo", "slack_sdk"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@click.command()
@click.argument("kind")
def failing(kind: str) -> None:
    """Fail in several ways."""
    if kind == "setting":
        raise SettingsError("DETECTOR_REGISTRY: cannot read\nthe file")
    raise BrokerUnreachable("no broker answers at localhost:1")


@pytest.fixture
def group() -> LazyGroup:
    return LazyGroup(name="group", commands_table={"fail": LazyCommand(f"{__name__}:failing", "Fail in several ways.")})


def test_version() -> None:
    assert run("--version").output == f"snews_cs, version {__version__}\n"


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name, command in COMMANDS.items():
        assert name in result.output
        assert command.help in " ".join(result.output.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_its_own_help_says(name: str) -> None:
    command = COMMANDS[name].load()
    assert command.name == name
    assert (command.help or "").splitlines()[0] == COMMANDS[name].help


def test_config_prints_every_setting_its_source_and_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / "my.env"
    env_file.write_text("snews_cs_admin_pass=hunter22\nHOP_BROKER=localhost:9092\n")
    monkeypatch.setenv("REFINE_WINDOW", "2.5")
    result = run("--env", str(env_file), "config")
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == [field.alias for field in Settings.model_fields.values()]
    assert ["snews_cs_admin_pass", "file", MASK] in lines
    assert ["REFINE_WINDOW", "environment", "2.5 s"] in lines
    assert ["ALERT_TOPIC", "default", "kafka://localhost:9092/snews.alert-test"] in lines
    assert "hunter22" not in result.output


def test_an_unknown_key_is_a_warning_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text("HOP_BROKR=localhost\n")
    for arguments in ((), ("--log-format", "json")):
        result = run("--env", str(tmp_path / "my.env"), *arguments, "config")
        assert result.exit_code == 0
        assert "unknown setting HOP_BROKR" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No such file"),
        ("REFINE_WINDOW=ten", "REFINE_WINDOW: 'ten' is not a length of time"),
        ("REFINE_WINDOW", "line 1"),
    ],
)
def test_a_bad_setting_or_file_is_one_line_and_exit_code_2(tmp_path: Path, content: str | None, expected: str) -> None:
    env_file = tmp_path / "my.env"
    if content is not None:
        env_file.write_text(content)
    result = run("--env", str(env_file), "config")
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("snews_cs: ")
    assert expected in line


def test_errors_of_commands_are_one_line(group: LazyGroup) -> None:
    setting = CliRunner().invoke(group, ["fail", "setting"])
    assert (setting.exit_code, setting.stderr) == (2, "snews_cs: DETECTOR_REGISTRY: cannot read the file\n")
    broker = CliRunner().invoke(group, ["fail", "broker"])
    assert (broker.exit_code, broker.stderr) == (1, "snews_cs: no broker answers at localhost:1\n")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run("run-everything")
    assert result.exit_code == 2
    assert "No such command 'run-everything'" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["config"]])
def test_nothing_heavy_is_loaded_early(arguments: list[str]) -> None:
    code = f"""
import sys
from snews_cs.cli import main
main({arguments!r}, standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stderr.split()) == set()


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snews_cs", "--version"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout == f"snews_cs, version {__version__}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_stopped_while_it_is_imported_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "stopped.py").write_text(
        f"import os\ntry:\n    os.kill(os.getpid(), {number})\nexcept BaseException:\n    pass\nservice = 1 / 0\n"
    )
    load = "from snews_cs.cli.group import LazyCommand; LazyCommand('stopped:service', '', is_service=True).load()"
    done = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_was_to_be_done_when_told_to_stop_is_as_before_the_import() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert COMMANDS["run-coincidence"].is_service
    COMMANDS["run-coincidence"].load()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
