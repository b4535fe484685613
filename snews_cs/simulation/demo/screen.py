"""What the person sees. Everything here is made of what was observed; nothing is computed or known beforehand."""

import shlex
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from snews_cs.coincidence.types import SublistRecord
from snews_cs.messages.times import NS_PER_S, format_utc, parse_utc
from snews_cs.messages.types import Heartbeat, Nanoseconds, Observation, Parameters, Reconcile, Retraction
from snews_cs.settings import Settings
from snews_cs.simulation.demo.services import Ready
from snews_cs.storage.entry import Entry

if TYPE_CHECKING:  # the screen is up before these are loaded
    import pandas as pd

    from snews_cs.simulation.demo.witness import Delivery

_WIDEST = 110
_ALERT_STYLES = {"INITIAL": "bold red", "UPDATE": "bold yellow", "RETRACTION": "bold magenta"}
_OTHER_COLUMNS = 50
_PANEL = 76
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


class Screen:
    """Prints to a console, in colour on a terminal, at most 110 columns wide.

    Parameters
    ----------
    record
        Whether what is printed can be saved as a picture.
    """

    def __init__(self, *, record: bool = False) -> None:
        console = Console(record=record, highlight=False)
        self._console = Console(record=record, highlight=False, width=min(console.width, _WIDEST))

    def opening(self) -> None:
        """Say what this is."""
        self._console.print(Rule(Text("SNEWS coincidence server: a demonstration", style="bold"), style="blue"))

    def ready(self, service: Ready) -> None:
        """Show that a service is up."""
        line = Text.assemble(
            ("  ✓ ", "green"),
            (shlex.join(service.command), "bold"),
            (f"  {service.about}, after {service.seconds:.1f} s", "dim"),
        )
        self._console.print(line)

    def act(self, number: int, title: str, why: str) -> None:
        """Begin a step of the story."""
        self._console.print()
        self._console.print(Text.assemble((f"{number:>2}  ", "bold blue"), (title, "bold")))
        self._indented(Text(why, style="italic"))

    def command(self, argv: Sequence[str]) -> None:
        """Show a command that is started."""
        self._indented(Text(f"$ {shlex.join(argv)}", style="dim"))

    def message(self, entry: Entry) -> None:
        """Show a message as the server took it in, and what became of it."""
        self._indented(_message_line(entry))
        if entry.verdict.reason is not None:
            self._indented(Text(f"✗ refused: {_plain(entry.verdict.reason)}", style="red"))

    def alert(self, delivery: "Delivery", *, briefly: bool = False) -> None:
        """Show an alert as a subscriber got it."""
        alert = delivery.alert
        style = _ALERT_STYLES.get(str(alert["alert_type"]).split()[-1], "bold")
        head = f"ALERT {alert['alert_type']}  sublist {alert['sub_list_number']}, revision {alert['revision']}"
        if briefly:
            names = ", ".join(alert["detector_names"])
            line = Text.assemble((f"● {head}", style), (f"  {format_latency(delivery)}  ", "dim"), names)
            self._indented(line)
            return
        panel = Panel(
            Group(_members(alert), Text(_significance(alert), style="dim")),
            title=Text(head, style=style),
            title_align="left",
            subtitle=Text(f"{format_latency(delivery)} after the detector wrote", style="bold"),
            subtitle_align="right",
            border_style=style.removeprefix("bold "),
            width=_PANEL,
        )
        self._indented(panel)

    def sublists(
        self, frame: "pd.DataFrame", records: Mapping[int, SublistRecord], changed: Set[int], *, others: bool
    ) -> None:
        """Show the table of sublists.

        Parameters
        ----------
        frame
            The cache (:mod:`snews_cs.coincidence.frame`).
        records
            The same sublists by number, for their alerts.
        changed
            Numbers of those to point out.
        others
            Whether to show the others too.
        """
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", border_style="dim")
        table.add_column("sublist", justify="right")
        table.add_column("initial message")
        table.add_column("detectors, and how much later", ratio=1)
        table.add_column("alert", no_wrap=True)
        shown = dict(iter(frame.groupby("sub_list_num")))
        for number in sorted(records.keys() | changed if others else changed):
            style = "" if number in changed else "dim"
            if number not in records:
                table.add_row(str(number), "gone", style=style)
                continue
            rows, record = shown[number], records[number]
            table.add_row(
                str(number),
                _clock(int(rows["neutrino_time_ns"].iloc[0])),
                _wrapped(map(_row_phrase, rows.itertuples()), self._console.width - _OTHER_COLUMNS),
                f"revision {record.revision}" if record.event_id else "none",
                style=style,
            )
        self._indented(table)

    def summary(self, facts: Mapping[str, str], faults: Sequence[str]) -> None:
        """Show the facts of the whole, and what came otherwise than it must."""
        table = Table.grid(padding=(0, 2))
        for name, fact in facts.items():
            table.add_row(Text(name, style="dim"), fact)
        verdict = Text("✓ Every alert that was expected came, and no other.", style="bold green")
        if faults:
            verdict = Text("\n".join(f"✗ {fault}" for fault in faults), style="bold red")
        self._console.print()
        self._console.print(
            Panel(Group(table, Text(), verdict), title="Summary", title_align="left", border_style="blue")
        )

    def invitation(self, settings: Settings) -> None:
        """Say what to type in order to take part."""
        tools = shlex.quote(str(Path(sys.executable).parent))
        observations = settings.observation_topic
        self._console.print(Text("\nIt is all still up, until Ctrl-C. In another terminal:", style="bold"))
        for why, *commands in (
            (
                "these commands, this broker",
                f"export PATH={tools}:$PATH HOP_BROKER={settings.hop_broker} HOP_AUTH=false",
            ),
            ("subscribe to alerts", f"hop subscribe --no-auth {settings.alert_topic}"),
            (
                "publish by hand: two detectors that see a burst now",
                "snews_cs simulate --print --detectors LZ,DUNE --burst 1 --duration 5 >now.json",
                f"hop publish --no-auth -f JSON {observations} <now.json",
            ),
            ("all detectors, and a supernova 5 s from now", "snews_cs simulate --burst 5"),
            ("the settings in force", "snews_cs config"),
        ):
            self._console.print(Text(f"  # {why}", style="dim"))
            for command in commands:
                self._console.print(Text(f"  {command}"), soft_wrap=True)
        self._console.print(Text("What comes is shown here:", style="bold"))

    def _indented(self, what: RenderableType) -> None:
        self._console.print(Padding(what, (0, 0, 0, 4), expand=False))

    def save(self, path: str) -> None:
        """Save all that was printed as an SVG picture."""
        self._console.save_svg(path, title="make run")


def format_latency(delivery: "Delivery") -> str:
    """Return a latency as precisely as it was measured."""
    return f"{delivery.latency_ms:.1f} ms" if delivery.exact else f"{delivery.latency_ms:.0f} ms"


def _message_line(entry: Entry) -> Table:
    """Return one row: who, what, when, p-value, how it was written, what became of it."""
    line = Table.grid(padding=(0, 1))
    for width in (9, 11, 15, 9, 6):
        line.add_column(width=width, no_wrap=True)
    line.add_column(style="green")
    wire = "pickle" if (entry.raw.value or b"").startswith(b"\x80") else "JSON" if entry.message else ""
    became = "" if entry.outcome is None else str(entry.outcome.disposition)
    match entry.message:
        case Observation() as said:
            p_value = "" if said.p_value is None else f"p {said.p_value:g}"
            row = (said.detector_name, "observation", _clock(said.neutrino_time_ns), p_value)
        case Retraction() as said:
            target = said.retract_message_uuid or f"latest {said.retract_latest_n}"
            row = (said.detector_name, "retraction", target, "")
        case Heartbeat() as said:
            row = (said.detector_name, "heartbeat", said.status, "")
        case None | Parameters() | Reconcile():
            row = ("?", "unreadable", "", "")
        case said:
            row = (said.detector_name, said.kind, "", "")
    numbers = [str(record.number) for record in entry.outcome.sublists] if entry.outcome else []
    if numbers and entry.outcome and entry.outcome.lines:
        became += f", sublist{'s' if len(numbers) > 1 else ''} {' and '.join(numbers)}"
    if isinstance(entry.message, Observation | Retraction | Heartbeat) and entry.message.is_test:
        became += " (a test)"
    name, *rest = map(_plain, row)
    line.add_row(Text(name, style="cyan"), *map(Text, rest), Text(wire, style="dim"), became and f"→ {became}")
    return line


def _plain(text: str) -> str:
    """Return a text that anybody may have sent without what would move or colour the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _members(alert: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    first_ns = parse_utc(alert["neutrino_times"][0])
    for name, time, p_value in zip(alert["detector_names"], alert["neutrino_times"], alert["p_values"], strict=True):
        later = _duration(parse_utc(time) - first_ns)
        table.add_row(Text(name, style="cyan"), time, later, "" if p_value is None else f"p {p_value:g}")
    return table


def _significance(alert: dict[str, Any]) -> str:
    if alert["retracted_detector_names"]:
        return f"taken back by {', '.join(alert['retracted_detector_names'])}"
    rate = alert["false_alarm_rate_per_year"]
    often = f"once in {1 / rate:.3g} years" if rate < 1 else f"{rate:.3g} times a year"
    return f"as an accident {often} ({len(alert['detectors_online'])} detectors online)"


def _wrapped(phrases: Iterable[str], width: int) -> str:
    return textwrap.fill(", ".join(phrases), width, break_on_hyphens=False)


def _row_phrase(row: Any) -> str:
    """Return a detector and how much later it was, which no line break separates."""
    phrase = row.detector_name if row.is_initial else f"{row.detector_name} {_duration(row.neutrino_time_delta.value)}"
    return str(phrase).replace(" ", _NO_BREAK_SPACE)


def _duration(ns: Nanoseconds) -> str:
    if ns == 0:
        return "first"
    if ns < 10**6:
        return f"+{ns} ns"
    if ns < NS_PER_S:
        return f"+{ns / 10**6:.3f} ms"
    return f"+{(Decimal(ns) / NS_PER_S).normalize():f} s"


def _clock(time_ns: Nanoseconds) -> str:
    """Return the time of day to the us."""
    return format_utc(time_ns)[11:26]
