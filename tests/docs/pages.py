"""The pages that people read, and what stands in them."""

import re
import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+?)(?: #+)?$", re.MULTILINE)
_LABEL = re.compile(r"^\([\w-]+\)=$", re.MULTILINE)
_FENCED = re.compile(r"^ *(`{3,}|:{3,})(\S+)[^\n]*\n(.*?)^ *\1$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def name_of(page: Path) -> str:
    """Return how a page is called in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str, *, section: str | None = None) -> list[str]:
    """Return the code blocks of a language, of the whole page or of the section with that title."""
    text = page.read_text()
    if section is not None:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [code for _, each, code in _FENCED.findall(text) if each == language]


def inline_code(page: Path) -> list[str]:
    """Return what stands as code within sentences."""
    return [str(code) for code in _INLINE.findall(_FENCED.sub("", page.read_text()))]


def links(page: Path) -> list[str]:
    """Return where a page's links lead to, those to other servers left out."""
    return [link for link in _LINK.findall(_FENCED.sub("", page.read_text())) if ":" not in link]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings: small, no punctuation, repeated ones numbered."""
    made: set[str] = set()
    for heading in _HEADING.findall(_FENCED.sub("", page.read_text())):
        words = re.sub(r"\]\([^)]*\)", "", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        numbered = (anchor if number == 0 else f"{anchor}-{number}" for number in count())
        made.add(next(each for each in numbered if each not in made))
    return made


def labels(page: Path) -> list[str]:
    """Return the labels that only Sphinx knows; GitHub shows them as text."""
    return _LABEL.findall(page.read_text())


def shell_lines(page: Path) -> Iterator[str]:
    """Yield what a person is told to type."""
    for block in blocks(page, "console"):
        for typed in re.split(r"^ *\$ ", block, flags=re.MULTILINE)[1:]:
            yield typed.replace("\\\n", " ").strip()


def calls(page: Path, program: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of a program that a page shows, in code blocks or within sentences."""
    inline = [code for code in inline_code(page) if code.startswith(f"{program} ") and "..." not in code]
    for line in (*shell_lines(page), *inline):
        for part in _commands(line):
            if program in part and all(
                "=" in word or word in {"poetry", "run"} for word in part[: part.index(program)]
            ):
                yield part[part.index(program) + 1 :]


def _commands(line: str) -> Iterator[list[str]]:
    """Yield the commands of a line, which ``|``, ``&&`` and ``;`` separate."""
    command: list[str] = []
    for word in shlex.split(line, comments=True):
        if word in {"|", "&&", ";", "&"}:
            yield command
            command = []
        else:
            command.append(word)
    yield command
