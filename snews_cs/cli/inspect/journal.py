"""``snews_cs journal``: what came in, and what was decided."""

from collections.abc import Sequence

import click

from snews_cs.cli.inspect import entries as words
from snews_cs.cli.inspect.detector import detector_option
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import dump, printable, show_fields, show_table
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.errors import StorageError
from snews_cs.inspection.browse import follow, latest, wanted
from snews_cs.inspection.records import entry_record
from snews_cs.storage.codec import json_text
from snews_cs.storage.entry import Entry

MOST_BYTES = 4096
"""How much of a record's value is shown."""

_number = click.option("-n", "number", type=click.IntRange(0), default=20, show_default=True, help="How many entries.")
_detector = detector_option("Only messages of this detector.")
_alerts = click.option("--alerts", is_flag=True, help="Only entries that made alerts.")


class _ListsByDefault(click.Group):
    """``journal`` and ``journal --alerts`` mean ``journal list``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListsByDefault)
def journal() -> None:
    """Show the journal: each message, and what was decided about it.

    Without a command it lists the latest entries. It only reads, also while a server runs.
    """


@journal.command("list")
@_number
@click.option("--after", type=click.IntRange(0), default=0, metavar="ENTRY", help="Only entries after this one.")
@_detector
@_alerts
@reads_store
def list_entries(open_store: OpenStore, *, number: int, after: int, detector: str | None, alerts: bool) -> None:
    """List the latest entries, one line each."""
    with open_store() as store:
        found = latest(store, number, after=after, wanted=wanted(detector=detector, alerts=alerts))
    show_table(words.COLUMNS, [words.row(entry) for entry in found])


@journal.command()
@click.argument("sequence", metavar="ENTRY", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@reads_store
def show(open_store: OpenStore, *, sequence: int, as_json: bool) -> None:
    """Show everything about one entry."""
    entry = read_entry(open_store, sequence)
    if as_json:
        click.echo(json_text(entry_record(entry), indent=2))
        return
    for title, fields in words.sections(entry):
        show_fields(title, fields)
    show_record(entry)


@journal.command("follow")
@_number
@_detector
@_alerts
@reads_store
def follow_entries(open_store: OpenStore, *, number: int, detector: str | None, alerts: bool) -> None:
    """List the latest entries, then each that comes, until Ctrl-C."""
    stop = stop_on_signals()
    is_wanted = wanted(detector=detector, alerts=alerts)
    with open_store() as store:
        end = store.last_sequence()
        for entry in (each for each in latest(store, number, wanted=is_wanted) if each.sequence <= end):
            _tell(words.row(entry))
        for entry in follow(store, stop, after=end):
            if is_wanted(entry):
                _tell(words.row(entry))


def read_entry(open_store: OpenStore, sequence: int) -> Entry:
    """Return the entry with that number.

    Raises
    ------
    StorageError
        If there is none.
    """
    with open_store() as store:
        entry = store.entry(sequence)
    if entry is None:
        raise StorageError(f"the journal has no entry {sequence}")
    return entry


def show_record(entry: Entry) -> None:
    """Print the record as it came: headers and bytes, passwords masked."""
    value = entry.raw.value
    headers = [(name, repr(content)) for name, content in entry.raw.headers]
    show_fields("Headers", [(printable(name), content) for name, content in headers])
    click.secho("Value: none" if value is None else f"Value: {len(value)} bytes", bold=True)
    for line in dump((value or b"")[:MOST_BYTES]):
        click.echo(f"  {line}")
    if value is not None and len(value) > MOST_BYTES:
        click.echo(f"  ... {len(value) - MOST_BYTES} bytes more")


def _tell(row: Sequence[str]) -> None:
    widths = (6, 24, 12, 12)
    first = (printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False))
    click.echo("  ".join([*first, *(printable(cell) for cell in row[len(widths) :] if cell)]).rstrip())
