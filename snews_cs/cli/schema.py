"""``snews_cs schema``: JSON Schemas, to check messages with."""

import json

import click

from snews_cs.schemas.catalogue import EXPORTED, PUBLISHED, READ, SCHEMAS
from snews_cs.schemas.catalogue import schema as schema_of


@click.command()
@click.argument("name", required=False, type=click.Choice(list(SCHEMAS)), metavar="[NAME]")
def schema(name: str | None) -> None:
    """Print the JSON Schema of a message; without NAME, list them all.

    There is one (dialect 2020-12) for each message that detectors send, that the server publishes, and that
    `snews_cs export` writes.
    """
    if name is not None:
        click.echo(json.dumps(schema_of(name), indent=2))
        return
    width = max(map(len, SCHEMAS))
    for title, names in (("Read", READ), ("Published", PUBLISHED), ("Exported", EXPORTED)):
        click.secho(title, bold=True)
        for each in names:
            click.echo(f"  {each.ljust(width)}  {schema_of(each)['title']}")
