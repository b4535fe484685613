"""``snews_cs drill``: whether all works together, by trying."""

import random
import time
from collections.abc import Sequence
from typing import Annotated

import click
import structlog
from pydantic import TypeAdapter, ValidationError

from snews_cs.cli.inspect.tables import printable, show_fields, show_table
from snews_cs.cli.installation import Installation, has_installation
from snews_cs.cli.server_settings import observation_topic
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.inspection.drills import DrillBook, DrillRecord
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S
from snews_cs.setting_types import Positive, Seconds
from snews_cs.simulation.drill.drill import Drill
from snews_cs.simulation.drill.event import DrillEvent, who_may_drill
from snews_cs.storage.open import open_reader

log = structlog.get_logger(__name__)

SHOWN = 20
"""How many drills ``--history`` shows."""

_LENGTH = TypeAdapter[int](Annotated[Seconds, Positive])


def _parse_length(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read a length of time as settings write one; return it in s."""
    try:
        return None if value is None else _LENGTH.validate_python(value) / NS_PER_S
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise click.BadParameter(reason) from None


@click.command()
@click.option(
    "--every", callback=_parse_length, metavar="TIME", help="Go on, one every `1h`, `30min` ..., until told to stop."
)
@click.option(
    "--retract",
    "retracted_share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="How many of the drills take their event back in the end.",
)
@click.option(
    "--within",
    callback=_parse_length,
    default="30 s",
    show_default=True,
    metavar="TIME",
    help="How long to wait for each thing that must come.",
)
@click.option("--history", "shows_history", is_flag=True, help=f"Show the latest {SHOWN} drills here, and make none.")
@click.option("--firedrill/--no-firedrill", default=False, help="Drill the server of firedrills.")
@has_installation("Use what `run-coincidence --embedded` uses.")
@click.pass_context
def drill(
    context: click.Context,
    *,
    every: float | None,
    retracted_share: float,
    within: float,
    shows_history: bool,
    firedrill: bool,
    installation: Installation,
) -> None:
    """Send an event as a test, and measure until its alert comes back.

    Two detectors of the registry see it, at a time of the last century when nobody else does. It goes through the
    observation topic and the running server; the alert must come on CONNECTION_TEST_TOPIC, and, when the event is
    taken back, its retraction. What was found is printed, and kept in DRILL_HISTORY. The exit code is 0 if all came as
    it should, else 1, and the reason is logged as critical. With --every the exit code is 0 when told to stop.
    """
    settings = installation.settings(context.obj)
    book = DrillBook(settings.drill_history)
    topic = observation_topic(settings, firedrill=firedrill)
    if shows_history:
        _show(book.latest(SHOWN, topic))
        return
    detectors = who_may_drill(Registry.load(settings.detector_registry), settings.muted_detectors)
    stop = stop_on_signals()
    made = Drill(
        observation_topic=topic,
        alert_topic=settings.connection_test_topic,
        auth=settings.hop_auth,
        open_store=lambda: open_reader(settings.database_server, firedrill=firedrill),
        within_s=within,
        stop=stop,
    )
    begin = time.monotonic()
    while True:
        event = DrillEvent.invent(detectors, firedrill=firedrill)
        record = made.run(event, retract=random.random() < retracted_share)  # noqa: S311
        if record is not None:
            book.add(record)
            _report(record, made)
        if every is None:
            context.exit(_exit_code(record))
        if stop.wait(every - (time.monotonic() - begin) % every):
            return


def _exit_code(record: DrillRecord | None) -> int:
    if record is None:
        click.echo("snews_cs: the drill was interrupted", err=True)
    return 0 if record is not None and record.problem is None else 1


def _report(record: DrillRecord, made: Drill) -> None:
    """Say how it went, on standard output; of one that failed, in the log, too."""
    if record.problem is not None:
        log.critical("DRILL FAILED", reason=record.problem)
    first, second = record.detector_names
    journaled = [_after(record.journaled_ms), *(f"entry {number}" for number in record.entries)]
    alert = [_after(record.alert_ms), *([f"by {record.server_tag}"] if record.server_tag else [])]
    show_fields(
        _result(record),
        [
            ("sent", f"{first} and {second} at {record.neutrino_time}, as a test, to {made.observation_topic}"),
            ("acknowledged", _after(record.acknowledged_ms)),
            ("journaled", f"? {record.journal_unseen}" if record.journal_unseen else ", ".join(journaled)),
            ("alert", ", ".join(alert)),
            ("retraction", _after(record.retraction_ms) if record.retracted else "not this time"),
        ],
    )


def _show(records: Sequence[DrillRecord]) -> None:
    """Print drills, the latest last."""
    rows = [
        (
            f"{record.started[:19]}Z",
            *(
                _ms(each)
                for each in (record.acknowledged_ms, record.journaled_ms, record.alert_ms, record.retraction_ms)
            ),
            _result(record),
        )
        for record in records
    ]
    show_table(("STARTED", "ACKNOWLEDGED", "JOURNALED", "ALERT", "RETRACTION", "RESULT"), rows)


def _result(record: DrillRecord) -> str:
    return "PASSED" if record.problem is None else f"FAILED: {printable(record.problem)}"


def _after(time_ms: float | None) -> str:
    return "-" if time_ms is None else f"after {_ms(time_ms)}"


def _ms(time_ms: float | None) -> str:
    return "-" if time_ms is None else f"{time_ms:.1f} ms"
