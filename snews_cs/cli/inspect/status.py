"""``snews_cs status``: how the server does, as its store tells."""

import click

from snews_cs.cli.inspect import entries as words
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import printable, show_fields, show_table
from snews_cs.errors import SnewsError
from snews_cs.inspection.status import Level, Status, judge, look
from snews_cs.messages.times import NS_PER_S, describe_duration, tai_now
from snews_cs.messages.types import Nanoseconds

MOST_REASONS = 10
"""How many kinds of refusals are shown."""


@click.command()
@click.option("--nagios", is_flag=True, help="One line, and exit code 0 (OK), 1 (WARNING) or 2 (CRITICAL).")
@reads_store
@click.pass_context
def status(context: click.Context, open_store: OpenStore, *, nagios: bool) -> None:
    """Show how the server does: its journal, what is live, what waits, who is online.

    It asks the store, not the server: one that has died is known by a journal that stands still.
    """
    now_ns = tai_now()
    if nagios:
        level, line = _in_one_line(open_store, now_ns)
        click.echo(printable(f"SNEWS {level.name} - {line}"))
        context.exit(level)
    with open_store() as store:
        found = look(store, now_ns)
    level, reasons = judge(found)
    show_fields(f"{level.name}{': ' if reasons else ''}{'; '.join(reasons)}", _fields(found))
    show_table(
        ("CACHE", "OBSERVATIONS", "SUBLISTS", "STANDING ALERTS"),
        [(words.cache_name(each.key), *map(str, each[1:])) for each in found.caches],
    )
    refusals = list(found.refusals.items())
    rows = [(str(count), reason) for reason, count in refusals[:MOST_REASONS]]
    if others := sum(count for _, count in refusals[MOST_REASONS:]):
        rows.append((str(others), "other reasons"))
    if rows:
        show_table(("REFUSED", "REASON"), rows)


def _in_one_line(open_store: OpenStore, now_ns: Nanoseconds) -> tuple[Level, str]:
    try:
        with open_store() as store:
            found = look(store, now_ns)
    except SnewsError as error:
        return Level.CRITICAL, " ".join(str(error).split())
    level, reasons = judge(found)
    live = sum(each.observations for each in found.caches)
    standing = sum(each.alerts for each in found.caches)
    figures = {
        "entries": found.entries,
        "live": live,
        "standing": standing,
        "unpublished": found.unpublished,
        "online": len(found.online),
        "noisy": len(found.noisy),
        "refused": sum(found.refusals.values()),
    }
    words_first = "; ".join(reasons) or f"{len(found.online)} detectors online, {standing} alerts standing"
    return level, f"{words_first} | {' '.join(f'{name}={figure}' for name, figure in figures.items())}"


def _fields(found: Status) -> list[tuple[str, str]]:
    last, snapshot = found.last, found.snapshot
    waiting = f", the eldest for {_for(found.unpublished_ns)}" if found.unpublished else ""
    return [
        ("journal", f"{found.entries} entries"),
        (
            "last entry",
            "none" if last is None else f"{words.moment(last.received_ns)}, {_ago(found, last.received_ns)}",
        ),
        ("unpublished alerts", f"{found.unpublished}{waiting}"),
        ("detectors online", f"{len(found.online)}: {', '.join(found.online)}".removesuffix(": ")),
        ("detectors offline", f"{len(found.offline)}: {', '.join(found.offline)}".removesuffix(": ")),
        ("noisy detectors", f"{len(found.noisy)}: {', '.join(found.noisy)}".removesuffix(": ")),
        (
            "snapshot",
            "none yet"
            if snapshot is None
            else f"after entry {snapshot.sequence}, {_ago(found, snapshot.received_ns)}, "
            f"{found.entries - snapshot.sequence} entries since",
        ),
        ("projections", "up to date" if found.behind <= 0 else f"{found.behind} entries behind"),
        ("refused", str(sum(found.refusals.values()))),
    ]


def _ago(found: Status, time_ns: Nanoseconds) -> str:
    return f"{_for(max(0, found.now_ns - time_ns))} ago"  # clocks are set back


def _for(duration_ns: Nanoseconds) -> str:
    tenth_ns = NS_PER_S // 10
    return describe_duration(duration_ns // tenth_ns * tenth_ns)
