"""``snews_cs export``: what a store holds, as a file for other programs."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from snews_cs.cli.inspect.detector import detector_option
from snews_cs.cli.inspect.moment import moment_option
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.inspection.export import FORMATS, replacing
from snews_cs.inspection.records import TABLES, Selection, records


@click.command()
@click.argument("table", type=click.Choice(list(TABLES)), metavar="TABLE")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, which appears, or is replaced, when all is written.  [default: standard output]",
)
@click.option(
    "--format",
    "given_format",
    type=click.Choice(list(FORMATS)),
    help="JSON lines, CSV or Parquet.  [default: by the suffix of FILE, else jsonl]",
)
@moment_option("since", "Only what came then or later.")
@moment_option("until", "Only what came before.")
@detector_option("Only of this detector.")
@reads_store
def export(
    open_store: OpenStore,
    *,
    table: str,
    output: Path | None,
    given_format: str | None,
    since_ns: int | None,
    until_ns: int | None,
    detector: str | None,
) -> None:
    """Write a table of the store to a file: JSON lines, CSV or Parquet.

    TABLE is journal (every message, as it came and what was decided), observations, alerts, significance, timing,
    retractions, heartbeats, quarantine or cache. Its records come in the order in which they were received.

    Times are a UTC time (2026-11-21T06:00:00Z), a day (2026-11-21) or how long ago (24h, 7d). It only reads, also while
    a server runs, and needs little memory, however much there is. `snews_cs schema` says what each record holds.
    """
    suffix = output.suffix.removeprefix(".") if output else ""
    wanted_format = given_format or (suffix if suffix in FORMATS else "jsonl")
    if wanted_format == "parquet" and output is None:
        raise click.UsageError("Parquet goes into a file: give --output")
    write, kind = FORMATS[wanted_format], TABLES[table].record
    with open_store() as store:
        found = records(store, table, Selection(since_ns=since_ns or 0, until_ns=until_ns, detector=detector))
        if output is None:
            write(found, kind, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with _sigterm_as_exit(), replacing(output) as stream:
                write(found, kind, stream)


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM raise :class:`SystemExit`, so that nothing half written stays."""
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
