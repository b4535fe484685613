"""``snews_cs messages``: what the detectors said, tier by tier."""

from collections import deque
from collections.abc import Iterator

import click

from snews_cs.cli.inspect.detector import detector_option
from snews_cs.cli.inspect.entries import moment
from snews_cs.cli.inspect.moment import moment_option
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import show_table
from snews_cs.inspection.browse import latest
from snews_cs.inspection.records import ObservationRecord, Selection, observation_record, records
from snews_cs.messages.times import NS_PER_S, describe_duration
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.codec import json_text
from snews_cs.storage.protocol import StoreReader
from snews_cs.storage.tables import HeartbeatRow, RetractionRow, Row, SignificanceRow, TimingRow

COLUMNS = ("ENTRY", "RECEIVED", "DETECTOR", "SAYS", "MESSAGE")

TIERS = {
    "coincidence": "observations",
    "significance": "significance",
    "timing": "timing",
    "retraction": "retractions",
    "heartbeat": "heartbeats",
}
"""The table that keeps the messages of each tier."""


@click.command()
@click.option("--tier", type=click.Choice(list(TIERS)), default="coincidence", show_default=True, help="Of which tier.")
@click.option("-n", "number", type=click.IntRange(0), default=20, show_default=True, help="How many messages.")
@moment_option("since", "Only what came then or later.")
@detector_option("Only messages of this detector.")
@click.option("--json", "as_json", is_flag=True, help="As JSON objects, one a line, with all that they say.")
@reads_store
def messages(
    open_store: OpenStore, *, tier: str, number: int, since_ns: int | None, detector: str | None, as_json: bool
) -> None:
    """Show the latest messages of a tier that were accepted.

    SignificanceTier and TimingTier messages raise no alert; they are kept for good, for those who analyse them.
    """
    with open_store() as store:
        found = _latest(store, TIERS[tier], number, Selection(since_ns=since_ns or 0, detector=detector))
    if as_json:
        for record in found:
            click.echo(json_text(record))
        return
    show_table(COLUMNS, [_row(record) for record in found])


def _latest(store: StoreReader, table: str, number: int, selection: Selection) -> list[Row]:
    """Return the last wanted records of a table; of the journal, from its end."""
    if table != "observations":
        return list(deque(records(store, table, selection), maxlen=number))

    def is_wanted(observation: ObservationRecord | None) -> bool:
        return observation is not None and selection.takes(observation)

    entries = latest(store, number, wanted=lambda entry: is_wanted(observation_record(entry)))
    return [observation for entry in entries if (observation := observation_record(entry)) is not None]


def _row(record: Row) -> tuple[str, ...]:
    values = (getattr(record, name) for name in ("sequence", "received_ns", "detector_name", "message_uuid"))
    sequence, received_ns, detector_name, message_uuid = values
    return str(sequence), moment(received_ns), detector_name, "; ".join(_says(record)), message_uuid


def _says(record: Row) -> Iterator[str]:
    """Yield what a message says, in words."""
    if getattr(record, "is_test", False):
        yield "test"
    if getattr(record, "is_pre_sn", False):
        yield "pre-SN"
    match record:
        case ObservationRecord():
            yield record.neutrino_time
            yield from _p_value(record.p_value)
            yield record.disposition
        case SignificanceRow():
            width = "" if record.t_bin_width_s is None else f" of {record.t_bin_width_s:g} s"
            yield f"{len(record.p_values)} bins{width}"
            if record.p_values:
                yield f"smallest p {min(record.p_values):.3g}"
            yield from _p_value(record.p_value)
        case TimingRow():
            yield from _timing(record)
            yield from _p_value(record.p_value)
        case RetractionRow():
            yield record.retract_message_uuid or f"latest {record.retract_latest_n}"
            yield from filter(None, (record.disposition, record.reason))
        case HeartbeatRow():
            yield record.status
            if record.kind == "observation":
                yield "by an observation"


def _p_value(p_value: float | None) -> Iterator[str]:
    if p_value is not None:
        yield f"p {p_value:.3g}"


def _timing(record: TimingRow) -> Iterator[str]:
    series = record.timing_series
    if record.time_bin_width_ns is not None:
        yield f"{sum(series)} counts in {len(series)} bins of {_span(record.time_bin_width_ns)}"
    elif series:
        yield f"{len(series)} neutrinos within {_span(max(series) - min(series))}"
    else:
        yield "no neutrinos"
    if record.neutrino_time is not None:
        yield f"from {record.neutrino_time}"


def _span(duration_ns: Nanoseconds) -> str:
    return f"{duration_ns / 1e6:g} ms" if duration_ns < 10 * NS_PER_S else describe_duration(duration_ns)
