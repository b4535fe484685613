"""``snews_cs quarantine``: what was refused."""

import click

from snews_cs.cli.inspect import entries as words
from snews_cs.cli.inspect.journal import read_entry, show_record
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import show_fields, show_table
from snews_cs.errors import StorageError


@click.command()
@click.option("-n", "number", type=click.IntRange(0), default=20, show_default=True, help="How many messages.")
@click.option("--show", "sequence", type=click.IntRange(1), metavar="ENTRY", help="Show one, with its bytes.")
@reads_store
def quarantine(open_store: OpenStore, *, number: int, sequence: int | None) -> None:
    """Show which messages were refused, and why."""
    if sequence is not None:
        entry = read_entry(open_store, sequence)
        if entry.verdict.accepted:
            raise StorageError(f"entry {sequence} was not refused: see `snews_cs journal show {sequence}`")
        show_fields(*next(words.sections(entry)))
        show_record(entry)
        return
    with open_store() as store:
        found = [store.entry(each) for each in reversed(store.refused(number))]
    rows = [
        (str(each.sequence), words.moment(each.received_ns), words.place(each), each.verdict.reason or "")
        for each in found
        if each is not None
    ]
    show_table(("ENTRY", "RECEIVED", "RECORD", "REASON"), rows)
