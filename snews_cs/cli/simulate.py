"""``snews_cs simulate``: detectors that publish."""

import math
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
import structlog
from click.core import ParameterSource

from snews_cs.cli.server_settings import observation_topic
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.errors import MessageRefused, SettingsError, TopicMissing
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, parse_utc, tai_now
from snews_cs.messages.types import Nanoseconds
from snews_cs.settings import Settings
from snews_cs.simulation.clients import Client
from snews_cs.simulation.cues import Cue
from snews_cs.simulation.detectors import Burst, Watch, choose, simulated_start_ns
from snews_cs.simulation.guard import require_harmless
from snews_cs.simulation.scenario import Scenario
from snews_cs.simulation.sky import GALACTIC_CENTRE, Direction

log = structlog.get_logger(__name__)

_FOR_DETECTORS = ("detectors", "rate", "burst", "direction", "client", "duration", "speed", "seed", "heartbeat_every")


def _parse_direction(_context: click.Context, _parameter: click.Parameter, value: str) -> Direction:
    ra, _, dec = value.partition(",")
    try:
        direction = Direction(float(ra), float(dec))
    except ValueError:
        raise click.BadParameter("give it as RA,DEC in degrees, for instance 266.42,-29.01") from None
    if not (0 <= direction.ra_deg <= 360 and -90 <= direction.dec_deg <= 90):
        raise click.BadParameter("RA is from 0 to 360 degrees, DEC from -90 to 90")
    return direction


def _parse_time(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Nanoseconds | None:
    try:
        return None if value is None else parse_utc(value)
    except MessageRefused as refusal:
        raise click.BadParameter(str(refusal)) from refusal


def _split(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.option(
    "--scenario",
    "scenario_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Send what a scenario's JSON file says, instead of living through a watch.",
)
@click.option(
    "--epoch",
    metavar="TIME",
    callback=_parse_time,
    help="What a scenario's neutrino times count from.  [default: now]",
)
@click.option("--detectors", default="", callback=_split, metavar="A,B,...", help="Who watches.  [default: all]")
@click.option(
    "--rate", type=click.FloatRange(min=0), help="False alarms of each detector per week.  [default: as registered]"
)
@click.option("--burst", type=float, metavar="SECONDS", help="A supernova, that long after the start.")
@click.option(
    "--direction",
    default=f"{GALACTIC_CENTRE.ra_deg},{GALACTIC_CENTRE.dec_deg}",
    show_default=True,
    callback=_parse_direction,
    metavar="RA,DEC",
    help="Where it is in the sky, degrees.",
)
@click.option(
    "--client",
    type=click.Choice(get_args(Client)),
    default="snews_pt-3.0",
    show_default=True,
    help="The program that the detectors publish with.",
)
@click.option(
    "--heartbeat-every",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How often each says that it is alive; 0: never.",
)
@click.option(
    "--duration",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Send what happens until then, and end with the last message.  [default: until Ctrl-C]",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="Seconds of the watch that pass in one; it then plays the time before now.",
)
@click.option("--seed", type=int, help="Repeats a watch; shown when not given.")
@click.option("--test", "is_test", is_flag=True, help="Mark all messages as tests.")
@click.option("--firedrill", is_flag=True, help="Publish on the topic of firedrills.")
@click.option("--yes-real", is_flag=True, help="Publish on another machine's real topic what is no test.")
@click.option("--print", "prints", is_flag=True, help="Print JSON to pipe into `hop publish`, and publish nothing.")
@click.pass_context
def simulate(
    context: click.Context,
    /,
    *,
    scenario_file: Path | None,
    epoch: Nanoseconds | None,
    is_test: bool,
    firedrill: bool,
    yes_real: bool,
    prints: bool,
    **options: Any,
) -> None:
    """Play detectors that publish: heartbeats, false alarms, a supernova; or a scenario.

    A supernova reaches each detector in its own moment, as light would, from the direction given.
    """
    settings: Settings = context.obj
    registry = Registry.load(settings.detector_registry)
    now_ns = tai_now()
    if scenario_file is not None:
        _refuse(context, _FOR_DETECTORS, "is not for a --scenario, which says it for each message")
        cues: Iterable[Cue] = list(Scenario.load(scenario_file).cues(epoch or now_ns, is_test=is_test))
        only_tests = all(cue.is_test for cue in cues)
    else:
        _refuse(context, ("epoch",), "is for a --scenario")
        cues = _watch(registry, now_ns, prints=prints, is_test=is_test, **options).cues()
        only_tests = is_test
    if prints:
        for cue in cues:
            outgoing = replace(cue, client="hop").outgoing(registry, now_ns, message_id=bytes(16))
            click.echo(outgoing.payload)
        return
    topic = observation_topic(settings, firedrill=firedrill)
    if not (firedrill or yes_real):
        require_harmless(topic, only_tests=only_tests)
    _publish(cues, topic, settings, registry, options["speed"])


def _watch(
    registry: Registry,
    now_ns: Nanoseconds,
    *,
    prints: bool,
    is_test: bool,
    detectors: tuple[str, ...],
    rate: float | None,
    burst: float | None,
    direction: Direction,
    client: Client,
    heartbeat_every: float,
    duration: float | None,
    speed: float,
    seed: int | None,
) -> Watch:
    duration_ns = None if duration is None else round(duration * NS_PER_S)
    if prints and duration is None:
        raise SettingsError("--print needs a --duration")
    if seed is None:
        seed = secrets.randbelow(10**6)
        log.info("this watch can be repeated", seed=seed)
    return Watch(
        detectors=choose(registry, detectors),
        start_ns=simulated_start_ns(now_ns, duration_ns, math.inf if prints else speed),
        duration_ns=duration_ns,
        heartbeat_every_ns=round(heartbeat_every * NS_PER_S),
        rate_per_week=rate,
        burst=None if burst is None else Burst(round(burst * NS_PER_S), direction),
        client=client,
        is_test=is_test,
        seed=seed,
    )


def _publish(cues: Iterable[Cue], topic: str, settings: Settings, registry: Registry, speed: float) -> None:
    from snews_cs.simulation.player import Player
    from snews_cs.streams.publisher import AlertPublisher

    stop = stop_on_signals()
    with AlertPublisher([topic], auth=settings.hop_auth, idempotent=False) as publisher:
        with suppress(TopicMissing):  # the broker may make it for the first message
            publisher.warm_up()
        player = Player(publisher=publisher, topic=topic, registry=registry, wait=stop.wait, speed=speed)
        log.info("done", sent=player.play(cues), topic=topic)


def _refuse(context: click.Context, names: Iterable[str], why: str) -> None:
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")
