"""``snews_cs doctor``: what is wrong, and what to do."""

import click

from snews_cs.cli.inspect.tables import printable
from snews_cs.cli.installation import Installation, has_installation
from snews_cs.monitoring.doctor import Doctor
from snews_cs.monitoring.doctor.finding import Level
from snews_cs.notify.slack_channel import SLACK_API

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


@click.command()
@click.option("--firedrill/--no-firedrill", default=False, help="Look at the topics and the store of firedrills.")
@has_installation("Look at what `run-coincidence --embedded` uses.")
@click.option("--slack-api", envvar="SLACK_API_URL", default=SLACK_API, hidden=True)
@click.pass_context
def doctor(context: click.Context, *, firedrill: bool, installation: Installation, slack_api: str) -> None:
    """Look at all that a server needs, and say what to do where it is not there.

    That is broker, topics and rights, store, disk, clock, the running server, Slack. Prints a line each: OK, WARNING
    or FAILED, what was found, and what to do. The exit code is 0, 1 or 2: that of the worst. Nothing is published, and
    no secret is shown.
    """
    settings = installation.settings(context.obj)
    worst = Level.OK
    for finding in Doctor(settings=settings, firedrill=firedrill, slack_api=slack_api).examine():
        worst = max(worst, finding.level)
        level, rest = click.style(f"{finding.level.name:<8}", fg=_COLOURS[finding.level]), str(finding)[8:]
        click.echo(level + printable(rest))
    context.exit(worst)
