"""The command line: parse, build, call.

The commands are loaded when they are called, so that ``snews_cs --help`` need not wait for what they import.
"""

from pathlib import Path
from typing import get_args

import click

from snews_cs import __version__
from snews_cs.cli.group import LazyCommand, LazyGroup
from snews_cs.logging_setup import LogFormat, configure_logging
from snews_cs.settings import load_settings

COMMANDS = {
    "broker": LazyCommand(
        "snews_cs.cli.broker:broker", "Run the embedded Kafka-protocol broker, until SIGTERM or Ctrl-C."
    ),
    "config": LazyCommand("snews_cs.cli.config:config", "Show every setting, its value in force and its source."),
    "detectors": LazyCommand(
        "snews_cs.cli.inspect.detectors:detectors",
        "Show who is online, how regularly each detector's heartbeats come, and how late.",
    ),
    "doctor": LazyCommand(
        "snews_cs.cli.doctor:doctor", "Look at all that a server needs, and say what to do where it is not there."
    ),
    "drill": LazyCommand(
        "snews_cs.cli.drill:drill", "Send an event as a test, and measure until its alert comes back."
    ),
    "export": LazyCommand(
        "snews_cs.cli.inspect.export:export",
        "Write a table of the store to a file: JSON lines, CSV or Parquet.",
    ),
    "journal": LazyCommand(
        "snews_cs.cli.inspect.journal:journal", "Show the journal: each message, and what was decided about it."
    ),
    "messages": LazyCommand(
        "snews_cs.cli.inspect.messages:messages", "Show the latest messages of a tier that were accepted."
    ),
    "quarantine": LazyCommand(
        "snews_cs.cli.inspect.quarantine:quarantine", "Show which messages were refused, and why."
    ),
    "replay": LazyCommand(
        "snews_cs.cli.inspect.replay:replay", "Decide the whole journal anew, and compare with what was decided."
    ),
    "run-coincidence": LazyCommand(
        "snews_cs.cli.run_coincidence:run_coincidence",
        "Read observations, find coincidences, publish alerts, until told to stop (Ctrl-C, SIGTERM).",
        is_service=True,
    ),
    "run-feedback": LazyCommand(
        "snews_cs.cli.run_feedback:run_feedback",
        "Mail the contacts of each detector how its heartbeats do.",
        is_service=True,
    ),
    "run-mailer": LazyCommand(
        "snews_cs.cli.run_mailer:run_mailer", "Mail each alert to each address of ALERT_EMAILS, once.", is_service=True
    ),
    "run-slack-bot": LazyCommand(
        "snews_cs.cli.run_slack_bot:run_slack_bot",
        "Tell a Slack channel of each alert, once: a message for each event, and in its thread what becomes of it.",
        is_service=True,
    ),
    "schema": LazyCommand(
        "snews_cs.cli.schema:schema", "Print the JSON Schema of a message; without NAME, list them all."
    ),
    "simulate": LazyCommand(
        "snews_cs.cli.simulate:simulate",
        "Play detectors that publish: heartbeats, false alarms, a supernova; or a scenario.",
    ),
    "status": LazyCommand(
        "snews_cs.cli.inspect.status:status",
        "Show how the server does: its journal, what is live, what waits, who is online.",
    ),
}
"""Every command, where it lives, and what ``--help`` says of it."""


@click.group(cls=LazyGroup, commands_table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--env", "env_file", metavar="FILE", type=click.Path(path_type=Path), help="File of KEY=value lines with settings."
)
@click.option(
    "--log-format",
    type=click.Choice(get_args(LogFormat)),
    default="console",
    show_default=True,
    help="How to write the log: for people, or one JSON object a line.",
)
@click.version_option(__version__, prog_name="snews_cs")
@click.pass_context
def main(context: click.Context, env_file: Path | None, log_format: LogFormat) -> None:
    """Run the SNEWS coincidence server: detector observations in, supernova alerts out.

    Settings come from the environment, then from the file given with --env, then from the defaults.
    """
    configure_logging(log_format)
    settings = load_settings(env_file)
    configure_logging(log_format, secrets=settings.secrets)
    context.obj = settings
