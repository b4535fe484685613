"""Tables for terminals, lines for pipes, and bytes for both."""

import sys

import pytest

from snews_cs.cli.inspect.tables import dump, printable, show_table

ROWS = [("2026-11-21T12:30:00.000Z", "[bold]x[/bold] \x1b[2J"), ("2026-11-21T12:30:01.000Z", "\ud800 ünïcode")]


def test_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("TIME", "TEXT"), ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "TIME                      TEXT",
        "2026-11-21T12:30:00.000Z  [bold]x[/bold] \\x1b[2J",
        "2026-11-21T12:30:01.000Z  \\ud800 ünïcode",
    ]


def test_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    show_table(("TIME", "TEXT"), ROWS)
    out = capsys.readouterr().out
    assert "─" in out
    assert "2026-11-21T12:30:00.000Z   [bold]x[/bold] \\x1b[2J" in out


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("TIME", "TEXT"), [])
    assert capsys.readouterr().out == "TIME  TEXT\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [""]),
        (b'{"a": 1}\n{}', ['{"a": 1}', "{}"]),
        ("é".encode(), ["é"]),
        (b"\x80abc", [f"00000000  {'80 61 62 63':<48} .abc"]),
        (b"a\x1b" * 9, [f"00000000  {'61 1b ' * 8} {'a.' * 8}", f"00000010  {'61 1b':<48} a."]),
    ],
)
def test_bytes(content: bytes, expected: list[str]) -> None:
    assert list(dump(content)) == expected


def test_what_is_not_printable_stands_as_its_escape() -> None:
    assert printable("a\r\n\t\x9b\u202e超") == "a\\r\\n\\t\\x9b\\u202e超"
