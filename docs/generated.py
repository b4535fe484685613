"""Tables of the documentation that are made from the code when it is built, so that they cannot drift from it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from inspect import getdoc
from pathlib import Path
from typing import Any, ClassVar

import click
import figures
from docutils import nodes
from feedback_example import example_report
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from snews_cs.cli import main
from snews_cs.heartbeats.feedback.letters import feedback_letter
from snews_cs.inspection.frames import columns
from snews_cs.inspection.records import TABLES
from snews_cs.messages.decoders import DECODERS
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import parse_utc, posix_from_tai
from snews_cs.monitoring.metrics import Metrics
from snews_cs.notify.letter import Letter
from snews_cs.notify.slack_message import HERE, alert_message
from snews_cs.notify.wording import PublishedAlert
from snews_cs.schemas.catalogue import EXPORTED, PUBLISHED, READ, schema
from snews_cs.settings import Settings
from snews_cs.simulation.scenario import Scenario
from snews_cs.storage.tables import COLUMNS, KINDS

_UNITS = {"s": ("s", 10**9), "d": ("days", 86_400 * 10**9)}


def settings() -> str:
    """Return the table of settings."""
    fields = Settings.model_fields.values()
    return _table(
        ("Setting", "Meaning"), [(f"`{field.alias}`", f"{field.description}{_default(field)}") for field in fields]
    )


def _default(field: FieldInfo) -> str:
    """Return what is in force if nothing is given, where there is something."""
    if field.default_factory is not None or field.default is None or field.default == ():
        return ""
    for each in field.metadata:
        if isinstance(each, BeforeValidator) and isinstance(each.func, partial):
            unit, length_ns = _UNITS[each.func.keywords["unit"]]
            return f" Default: {Decimal(field.default) / length_ns:f} {unit}."
    default = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f" Default: `{default}`."


def alert_fields() -> str:
    """Return the table of an alert's fields."""
    return _fields(schema("alert"))


def notice_fields() -> str:
    """Return the table of a notice's fields."""
    return _fields(schema("notice"))


def _fields(schema: dict[str, Any]) -> str:
    """Return the table of a message's fields, from the descriptions in its JSON Schema."""
    rows = [
        (f"`{name}`", _type(field, schema), str(field["description"])) for name, field in schema["properties"].items()
    ]
    return _table(("Field", "Type", "Meaning"), rows)


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        referred: Any = schema
        for part in field["$ref"].removeprefix("#/").split("/"):
            referred = referred[part]
        return _type(referred, schema)
    if "oneOf" in field:
        return " or ".join(_type(each, schema) for each in field["oneOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return "string"
    if field["type"] == "array":
        return f"list of {_type(field['items'], schema)}"
    names = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return " or ".join(str(name) for name in names)


def decoders() -> str:
    """Return the list of decoders, in the order in which they are tried."""
    return "\n".join(f"{place}. {name}" for place, name in enumerate(DECODERS, start=1))


def detectors() -> str:
    """Return the packaged registry."""
    rows = [
        (
            "" if detector.number is None else str(detector.number),
            detector.name,
            ", ".join(detector.aliases),
            f"{detector.background_rate_per_week:g}",
        )
        for detector in Registry.load().detectors
    ]
    return _table(("Number", "Name", "Also called", "Background, 1/week"), rows)


def collections() -> str:
    """Return what the store holds besides the journal."""
    rows = [(f"`{kind.table}`", _first_line(kind), ", ".join(f"`{each}`" for each in COLUMNS[kind])) for kind in KINDS]
    return _table(("Collection", "A row is", "Columns"), rows)


def exports() -> str:
    """Return the tables that can be exported."""
    rows = [
        (f"`{name}`", _first_line(table.record), ", ".join(f"`{each.name}`" for each in columns(table.record)))
        for name, table in TABLES.items()
    ]
    return _table(("Table", "A record is", "Columns"), rows)


def schemas() -> str:
    """Return the list of schemas."""
    whose = (("reads", READ), ("publishes", PUBLISHED), ("exports", EXPORTED))
    rows = [(f"`{name}`", str(schema(name)["title"]), does) for does, names in whose for name in names]
    return _table(("Name", "What it describes", "The server"), rows)


def metrics() -> str:
    """Return the table of our own metrics."""
    return _table(("Metric", "Type", "Meaning"), [(f"`{each.name}`", *each[1:]) for each in Metrics().describe()])


def scenarios() -> str:
    """Return the table of the scenarios that ship."""
    paths = sorted((Path(__file__).parents[1] / "etc" / "scenarios").glob("*.json"))
    return _table(("File", "What is played"), [(f"`{path.name}`", Scenario.load(path).title) for path in paths])


def example_alert() -> str:
    """Return the first alert of the README example, as published."""
    return _json(figures.example_alerts()[0])


def example_notice() -> str:
    """Return the notice of the first message of the README example, as published."""
    return _json(figures.example_notice())


def example_mail() -> str:
    """Return the mail that tells of the first alert of the README example."""
    content = figures.example_alerts()[0]
    alert = PublishedAlert.read(content)
    now_unix_ns = posix_from_tai(parse_utc(content["sent_time_utc"]))
    letter = Letter(
        alert=alert, content=content, link=Settings.model_fields["alert_link"].default, now_unix_ns=now_unix_ns
    )
    return f"```text\nSubject: {letter.subject()}\n\n{letter.text()}```"


def example_slack() -> str:
    """Return the message in Slack that tells of the first alert of the README example, as it is shown."""
    content = figures.example_alerts()[0]
    message = alert_message(
        PublishedAlert.read(content),
        link=Settings.model_fields["alert_link"].default,
        now_unix_ns=posix_from_tai(parse_utc(content["sent_time_utc"])),
    )
    return "```text\n{}\n```".format("\n\n".join(_shown(block) for block in message.blocks))


def _shown(block: dict[str, Any]) -> str:
    """Return what a person sees of a block of Slack's Block Kit."""
    if block["type"] == "table":
        rows = [[cell["text"] for cell in row] for row in block["rows"]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        marks = [{"left": "<", "right": ">"}[column["align"]] for column in block["column_settings"]]
        return "\n".join(
            "  ".join(f"{cell:{mark}{width}}" for cell, mark, width in zip(row, marks, widths, strict=True)).rstrip()
            for row in rows
        )
    (text,) = block["elements"] if block["type"] == "context" else [block["text"]]
    return re.sub(r"<[^|>]+\|([^>]+)>", r"\1", text["text"].replace(HERE, "@here"))


def example_feedback() -> str:
    """Return the mail about the heartbeats of a made-up day."""
    letter = feedback_letter(example_report(), (b"", ""))
    return "```text\nSubject: {}\n\n{}\n```".format(letter.subject, "\n\n".join(letter.paragraphs))


def _json(content: dict[str, Any]) -> str:
    return f"```json\n{json.dumps(content, indent=2)}\n```"


def command_line() -> str:
    """Return the help of every command, as it is printed."""
    return "\n\n".join(_help("snews_cs", main, None))


def _help(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    """Yield the help of a command and of those within it."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    yield f"**`{context.command_path}`**\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            if (within := command.get_command(context, each)) is not None:
                yield from _help(each, within, context)


def _first_line(documented: object) -> str:
    return (getdoc(documented) or "").partition("\n")[0]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


class Generated(SphinxDirective):
    """``{generated} NAME``: what the function of that name in this module returns, as MyST Markdown."""

    required_arguments = 1
    sources: ClassVar[dict[str, Callable[[], str]]] = {
        function.__name__.replace("_", "-"): function
        for function in (
            settings,
            alert_fields,
            notice_fields,
            decoders,
            detectors,
            collections,
            exports,
            schemas,
            metrics,
            scenarios,
            example_alert,
            example_notice,
            example_mail,
            example_slack,
            example_feedback,
            command_line,
        )
    }

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.sources[self.arguments[0]]())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
