"""What README and docs/ show can be typed, run and followed."""

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest

from snews_cs.cli import main
from snews_cs.settings import Settings
from tests.docs.pages import DOCS, PAGES, ROOT, anchors, blocks, calls, inline_code, labels, links, name_of

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)

_PATH = re.compile(r"(?:\.ci|benchmarks|docs|etc|snews_cs|tests)/[\w./-]+|[A-Z]\w+(?:\.md)?")
_TOP = {"LICENSE", "Makefile", "README.md", "CHANGELOG.md"}


def test_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees")]
    built = subprocess.run([*command, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / "html" / "index.html").exists()


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    paths = [code.rstrip("/") for code in inline_code(page) if _PATH.fullmatch(code) and (code in _TOP or "/" in code)]
    made = re.findall(r"@echo (\S+)", (ROOT / "Makefile").read_text())
    missing = [link for link in links(page) if not _resolves(link, page)]
    missing += [each for each in paths if not (ROOT / each).exists() and each not in made]
    assert missing == []


def _resolves(link: str, page: Path) -> bool:
    """Return whether GitHub finds where a link leads to: a file, and in it a heading."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


@every_page
def test_no_label_is_needed(page: Path) -> None:
    assert labels(page) == []


def test_links_are_looked_at() -> None:
    page = DOCS / "operating.md"
    assert "docs/operating.md#what-to-do-when-" in links(ROOT / "README.md")
    assert _resolves("coincidence.md#noisy-detectors", page)
    assert not _resolves("coincidence.md#noisy", page)
    assert not _resolves("noisy", page)


@every_page
def test_command_lines_parse(page: Path) -> None:
    for arguments in calls(page, "snews_cs"):
        _parse(arguments)


def test_command_lines_are_looked_at() -> None:
    assert ["run-coincidence", "--embedded"] in list(calls(ROOT / "README.md", "snews_cs"))
    with pytest.raises(click.UsageError):
        _parse(["run-coincidence", "--no-such-option"])


def _parse(arguments: list[str]) -> None:
    """Parse a command line of snews_cs as the program does, and run nothing."""
    context = click.Context(main, info_name="snews_cs")
    _, rest, _ = main.make_parser(context).parse_args(list(arguments))
    if rest:
        command = main.get_command(context, rest[0])
        assert command is not None, f"no command {rest[0]}"
        with suppress(click.exceptions.Exit):  # of --help
            command.make_context(rest[0], rest[1:], parent=context)


@every_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {arguments[0] for arguments in calls(page, "make") if arguments}
    assert shown <= targets


@every_page
def test_examples_run(page: Path) -> None:
    names: dict[str, Any] = {}
    runner = doctest.DocTestRunner()
    for code in blocks(page, "pycon"):
        example = doctest.DocTestParser().get_doctest(code, names, name_of(page), str(page), 0)
        runner.run(example, clear_globs=False)
        names = example.globs
    assert runner.summarize(verbose=False).failed == 0


def test_every_setting_has_an_effect() -> None:
    """No setting is read and checked only."""
    sources = "".join(source.read_text() for source in _sources())
    assert [field.alias for name, field in Settings.model_fields.items() if f".{name}" not in sources] == []


def _sources() -> Iterator[Path]:
    """Yield the server's source, without its settings and the embedded broker."""
    others = {ROOT / "snews_cs" / "settings.py", *(ROOT / "snews_cs" / "broker").rglob("*.py")}
    return (source for source in (ROOT / "snews_cs").rglob("*.py") if source not in others)


def test_log_lines_are_those_of_the_source() -> None:
    """What operators look up is there, and every error and alarm of the server can be looked up."""
    sources = "".join(source.read_text() for source in _sources())
    table = (DOCS / "operating.md").read_text().partition("## What the log says")[2].partition("\n## ")[0]
    lines = [line for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for line in re.findall("`([^`]+)`", row)]
    assert [line for line in lines if not all(part.strip() in sources for part in line.split("..."))] == []
    assert set(re.findall(r'log\.(?:error|critical)\(\s*"([^"]+)"', sources)) <= set(lines)


def test_what_to_do_begins_with_what_is_seen() -> None:
    """Lines of the log are called there as in the table of lines, alarms as in the rules."""
    page = (DOCS / "operating.md").read_text()
    table = page.partition("## What to do when")[2].partition("\n## ")[0]
    seen = {code for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) for code in re.findall("`([^`]+)`", row)}
    lines = set(re.findall("`([^`]+)`", page.partition("## What the log says")[2].partition("\n## ")[0]))
    rules = (ROOT / "etc" / "prometheus" / "snews_cs.rules.yml").read_text()
    alarms = set(re.findall(r"alert: (\w+)", rules))
    elsewhere = {"/healthz", "degraded: true", "NOISY", "status", "snews_cs detectors"}
    assert len(seen) > 20
    assert seen - lines - alarms == elsewhere - lines
