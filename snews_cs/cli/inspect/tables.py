"""What is shown, in a form for whoever reads: tables on a terminal, plain lines otherwise.

Messages come from anybody: nothing of them reaches a terminal but printable characters.
"""

import sys
from collections.abc import Iterator, Sequence

import click

_BYTES_A_LINE = 16
_KEPT_WHOLE = 24  # a column of this width, a time for instance, is never broken


def printable(text: str) -> str:
    """Return a text in which every character that is not printable stands as its escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: as a table on a terminal, else in columns of equal width under one line of names."""
    safe = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(columns, *safe, strict=True)]
        for row in (columns, *safe):
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for name, *cells in zip(columns, *safe, strict=True):
        longest = max(map(len, (name, *cells)))
        whole = longest <= _KEPT_WHOLE
        table.add_column(name, no_wrap=whole, overflow="fold", min_width=longest if whole else None)
    for row in safe:
        table.add_row(*map(Text, row))
    Console().print(table)


def show_fields(title: str, fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values under a title."""
    click.secho(title, bold=True)
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        click.echo(f"  {name.ljust(width)}  {printable(value)}".rstrip())


def dump(content: bytes) -> Iterator[str]:
    """Yield bytes as lines: printable text as it is, anything else in hexadecimal with its ASCII beside."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        lines = []
    if lines and all(line.isprintable() for line in lines):
        yield from lines
        return
    for start in range(0, len(content), _BYTES_A_LINE):
        part = content[start : start + _BYTES_A_LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:08x}  {part.hex(' '):<{3 * _BYTES_A_LINE}} {text}"
