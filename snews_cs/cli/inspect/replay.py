"""``snews_cs replay``: the journal decided once more."""

import click

from snews_cs.cli.inspect import entries as words
from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import printable
from snews_cs.inspection import replay as replaying


@click.command()
@reads_store
@click.pass_context
def replay(context: click.Context, open_store: OpenStore) -> None:
    """Decide the whole journal anew, and compare with what was decided.

    One line for each difference; exit code 1 if there is any. The first one is the one to look at: others may follow
    from it.
    """
    entries = alerts = differences = 0
    with open_store() as store:
        for replayed in replaying.replay(store.entries()):
            entries += 1
            alerts += replayed.alerts
            if (difference := replayed.difference) is not None:
                differences += 1
                kind = words.row(replayed.entry)[2]
                click.echo(printable(f"entry {replayed.entry.sequence} ({kind}): {difference}"))
    click.echo(f"{entries} entries and {alerts} alerts compared: {differences or 'no'} differences")
    context.exit(1 if differences else 0)
