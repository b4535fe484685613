"""``snews_cs config``."""

import click

from snews_cs.settings import Settings


@click.command()
@click.pass_obj
def config(settings: Settings) -> None:
    """Show every setting, its value in force and its source."""
    for setting in settings.shown():
        click.echo(f"{setting.key:<28} {setting.source:<12} {setting.value}".rstrip())
