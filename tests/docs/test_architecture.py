"""The table of rooms in docs/architecture.md: who imports whom."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

PACKAGE = ROOT / "snews_cs"
EVERYWHERE = {"__init__.py", "__main__.py", "logging_setup.py"}


def _table() -> dict[str, set[str]]:
    """Return what each room may import: itself, and what its row says."""
    page = (DOCS / "architecture.md").read_text()
    rows = re.findall(
        r"^\| (`.+?`) \|.*\| ([^|]+) \|$", page.partition("## The rooms")[2].partition("\n## ")[0], re.MULTILINE
    )
    rooms = {room.rstrip("/") for names, _ in rows for room in re.findall(r"`([^`]+)`", names)}
    may_import = {}
    for names, allowed in rows:
        together = {room.rstrip("/") for room in re.findall(r"`([^`]+)`", names)}
        said = (
            rooms if allowed == "all" else {room for room in rooms if room.removesuffix(".py") in allowed.split(", ")}
        )
        may_import.update(dict.fromkeys(together, together | said))
    return may_import


TABLE = _table()


def test_every_room_is_in_the_table() -> None:
    there = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    empty = {name for name in there if (PACKAGE / name).is_dir() and len(list((PACKAGE / name).glob("*.py"))) == 1}
    assert there - EVERYWHERE - empty == TABLE.keys() - empty


@pytest.mark.parametrize("room", sorted(TABLE))
def test_imports_are_those_of_the_table(room: str) -> None:
    path = PACKAGE / room
    sources = path.rglob("*.py") if path.is_dir() else [path]
    imported = {each for source in sources for each in _imports(source)}
    assert imported <= {each.removesuffix(".py") for each in TABLE[room]} | {"logging_setup"}


def _imports(source: Path) -> Iterator[str]:
    """Yield the rooms of ours that a file imports."""
    for node in ast.walk(ast.parse(source.read_text())):
        modules = []
        if isinstance(node, ast.ImportFrom):
            modules = [
                f"{node.module}.{name.name}" if node.module == "snews_cs" else str(node.module) for name in node.names
            ]
        elif isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        yield from (module.split(".")[1] for module in modules if module.startswith("snews_cs.") and "__" not in module)
