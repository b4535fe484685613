"""``python -m snews_cs.simulation.demo``: what ``make run`` runs."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from snews_cs.errors import SnewsError
from snews_cs.simulation.demo.processes import Interrupted, Processes
from snews_cs.simulation.demo.services import Services, forget_settings
from snews_cs.waiting import StopRequest

_INTERRUPTED = 130


@click.command()
@click.option("--keep", is_flag=True, help="Leave it all up until Ctrl-C, and say how to publish and subscribe.")
@click.option("--pace", type=click.FloatRange(min=0), default=0.7, show_default=True, help="Pause after each act, s.")
@click.option("--svg", type=click.Path(dir_okay=False), help="Save what is shown as a picture.")
@click.option("--story", "story_file", type=click.Path(path_type=Path), help="Another story (see story.json).")
def main(*, keep: bool, pace: float, svg: str | None, story_file: Path | None) -> None:
    """Start a broker, the server and detectors, and show what happens.

    The exit code is 1 if an alert that the story expects does not come, or another does.
    """
    began = time.monotonic()
    stop = StopRequest()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _signal, _frame: stop.make())
    forget_settings()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="snews_cs-demo-", ignore_cleanup_errors=True) as directory,
            Processes(Path(directory), os.environ, stop) as processes,
        ):
            is_well = _run(processes, story_file, svg, began, pace=pace, keep=keep)
    except Interrupted:
        sys.exit(0 if keep else _INTERRUPTED)
    except SnewsError as error:
        click.secho(f"✗ {error}", fg="red")
        sys.exit(1)
    sys.exit(0 if is_well else 1)


def _run(
    processes: Processes, story_file: Path | None, svg: str | None, began: float, *, pace: float, keep: bool
) -> bool:
    """Run it all; return whether all went as it must. What takes long to load is loaded while something starts."""
    services = Services(processes)

    from snews_cs.simulation.demo.screen import Screen
    from snews_cs.simulation.demo.stage import Stage
    from snews_cs.simulation.demo.story import load_story

    screen = Screen(record=svg is not None)
    screen.opening()
    acts = load_story(story_file)
    settings = services.start_server()
    screen.ready(services.ready[0])
    stage = Stage(settings, processes)
    first = stage.perform(acts[0])

    from snews_cs.simulation.demo.audience import Audience
    from snews_cs.simulation.demo.tally import Tally
    from snews_cs.simulation.demo.witness import Witness

    services.wait_for_server()
    screen.ready(services.ready[1])
    tally = Tally(began=began)
    with Witness(services.store, [settings.alert_topic, settings.connection_test_topic]) as witness:
        audience = Audience(witness, processes, settings, screen, tally)
        for number, act in enumerate(acts, 1):
            screen.act(number, act.title, act.why)
            performance = first if number == 1 else stage.perform(act)
            screen.command(performance.typed)
            audience.follow(act, stage.finish(performance))
            processes.pause(pace)
        audience.wait_for_the_unexpected()
        screen.summary(tally.facts(sum(len(act.alerts) for act in acts)), tally.faults)
        if svg is not None:
            screen.save(svg)
        if keep:
            screen.invitation(settings)
            while True:
                processes.pause(0.1)
                audience.watch()
    return not tally.faults


if __name__ == "__main__":
    main()
