"""``snews_cs detectors``: who is alive, how regularly they beat, and how late."""

import click

from snews_cs.cli.inspect.store import OpenStore, reads_store
from snews_cs.cli.inspect.tables import printable, show_table
from snews_cs.heartbeats.survey import COLUMNS, heard, row, survey
from snews_cs.messages.admission import TEST_DETECTOR
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import describe_duration, tai_now
from snews_cs.settings import Settings


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Show the heartbeats of tests instead.")
@reads_store
@click.pass_obj
def detectors(settings: Settings, open_store: OpenStore, *, is_test: bool) -> None:
    """Show who is online, how regularly each detector's heartbeats come, and how late.

    Of the heartbeats of the last 24 hours: how many there were; mean (INTERVAL) and standard deviation (SPREAD) of the
    times between them; the median of their times from the detector to the server (LATENCY); and how many did not come
    when they should have (MISSED).
    """
    registry = Registry.load(settings.detector_registry)
    names = [each.name for each in registry.detectors if each.name != TEST_DETECTOR or is_test]
    now_ns = tai_now()
    with open_store() as store:
        found = survey(store, names, now_ns, offline_after_ns=settings.hb_offline_after_ns, is_test=is_test)
    there, unheard = heard(found)
    show_table(COLUMNS, [row(each, now_ns) for each in there])
    if unheard:
        kept = describe_duration(settings.hb_delete_after_ns)
        click.echo(f"\nNot heard in {kept}: {printable(', '.join(unheard))}")
