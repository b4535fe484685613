"""``snews_cs run-coincidence``: the coincidence server."""

import sys
import time
from contextlib import ExitStack, closing

import click
import structlog

from snews_cs.cli.companions import Companions
from snews_cs.cli.installation import Installation, has_installation
from snews_cs.cli.server_settings import admission_policy, alert_topic, observation_topic, parameters, spool_directory
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.errors import StreamError
from snews_cs.fault_points import interpose
from snews_cs.heartbeats.display import HeartbeatDisplay
from snews_cs.messages.admission import TEST_DETECTOR
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import tai_now
from snews_cs.monitoring.metrics import Metrics
from snews_cs.monitoring.start import monitored
from snews_cs.monitoring.statistics import ConsumerWatch
from snews_cs.server.answers import MOST_WAITING, Answers
from snews_cs.server.courier import Courier
from snews_cs.server.loop import CoincidenceServer
from snews_cs.server.notices import Notices
from snews_cs.server.observer import Observers
from snews_cs.server.outbox import AlertTopics, Outbox
from snews_cs.server.spool import Spool
from snews_cs.settings import Settings
from snews_cs.storage.local import local_storage
from snews_cs.storage.open import open_reader, open_storage
from snews_cs.storage.protocol import Storage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.observations import ObservationStream
from snews_cs.streams.publisher import AlertPublisher
from snews_cs.waiting import StopRequest

log = structlog.get_logger(__name__)


@click.command("run-coincidence")
@click.option(
    "--firedrill/--no-firedrill",
    default=False,
    help="Read and write the topics of firedrills, and keep a store of their own.",
)
@click.option(
    "--dropdb/--no-dropdb",
    default=False,
    help="Delete the whole store, and what this server has in its spool, first; asks on a terminal.",
)
@click.option("--email/--no-email", default=False, help="Run `run-mailer` too, in a process of its own.")
@click.option("--slackbot/--no-slackbot", default=False, help="Run `run-slack-bot` too, in a process of its own.")
@has_installation("Need nothing else: SQLite, and a broker of its own.", "directory of the store and the broker")
@click.pass_obj
def run_coincidence(
    settings: Settings,
    *,
    firedrill: bool,
    dropdb: bool,
    email: bool,
    slackbot: bool,
    installation: Installation,
) -> None:
    """Read observations, find coincidences, publish alerts, until told to stop (Ctrl-C, SIGTERM).

    It goes on where it stopped: the journal in the store says which messages are done and which alerts are out.
    """
    if dropdb and sys.stdin.isatty():
        _ask(installation.settings(settings), firedrill=firedrill)
    stop = stop_on_signals()
    with ExitStack() as stack:
        settings = stack.enter_context(installation.running(settings))
        companions = stack.enter_context(Companions(stop))
        store = open_storage(
            settings.database_server, heartbeats_kept_ns=settings.hb_delete_after_ns, firedrill=firedrill
        )
        storage = interpose("storage", stack.enter_context(closing(store)))
        disk = stack.enter_context(local_storage(spool_directory(settings, firedrill=firedrill)))
        disk = interpose("spool", disk)
        if dropdb:
            storage.drop()
            disk.prepare()
            disk.drop()  # else what was decided alone would come back
            log.warning("the store and the spool were emptied")
        server = _server(settings, storage, Spool(disk), companions, stack, stop, firedrill=firedrill)
        for name in _chosen(email=email, slackbot=slackbot):
            companions.start(name, _companion(name, installation, firedrill=firedrill))
        server.run(stop)
        log.info("stopped")


def _chosen(*, email: bool, slackbot: bool) -> list[str]:
    """Return the names of the commands that are to run beside the server."""
    return [name for name, is_wanted in (("run-mailer", email), ("run-slack-bot", slackbot)) if is_wanted]


def _companion(name: str, installation: Installation, *, firedrill: bool) -> list[str]:
    """Return the arguments by which a companion uses what this server uses."""
    given = click.get_current_context().find_root().params
    arguments = [f"--log-format={given['log_format']}"]
    if given["env_file"] is not None:
        arguments.append(f"--env={given['env_file']}")
    arguments += [name, f"--companion={time.time_ns() // 10**6}"]
    if firedrill:
        arguments.append("--firedrill")
    return arguments + installation.options


def _server(
    settings: Settings,
    storage: Storage,
    spool: Spool,
    companions: Companions,
    stack: ExitStack,
    stop: StopRequest,
    *,
    firedrill: bool,
) -> CoincidenceServer:
    registry = Registry.load(settings.detector_registry)
    topics = AlertTopics(
        alerts=alert_topic(settings, firedrill=firedrill), connection_test=settings.connection_test_topic
    )
    observations = observation_topic(settings, firedrill=firedrill)
    consumer = ConsumerWatch(Metrics(settings.server_tag), TopicAddress.parse(observations).topic)
    stream = stack.enter_context(
        ObservationStream(
            observations,
            group_id=settings.consumer_group,
            auth=settings.hop_auth,
            on_open=lambda: log.info("(re)Initializing Coincidence System for %s", observations),
            on_statistics=consumer,
        )
    )
    stop.then(stream.request_stop)
    publisher = interpose(
        "publisher",
        stack.enter_context(
            AlertPublisher([topics.alerts, topics.connection_test], auth=settings.hop_auth, stopping=lambda: bool(stop))
        ),
    )
    monitor = stack.enter_context(
        monitored(consumer, stream, address=settings.monitoring_address, now=tai_now, beside=companions.warnings)
    )
    observer = Observers(monitor, stack.enter_context(_display(settings, registry, firedrill=firedrill)))
    outbox = Outbox(publisher, topics, storage, settings.server_tag, time.monotonic, observer)
    stop.then(outbox.request_stop)
    server = CoincidenceServer(
        stream=interpose("stream", stream),
        storage=storage,
        spool=spool,
        outbox=outbox,
        answers=_answers(settings, stack),
        notices=_notices(settings, stack, firedrill=firedrill),
        server_tag=settings.server_tag,
        policy=admission_policy(settings, registry, firedrill=firedrill),
        parameters=parameters(settings, registry),
        now=tai_now,
        monotonic=time.monotonic,
        observer=observer,
    )
    _warm_up(publisher, stop)
    return server


def _answers(settings: Settings, stack: ExitStack) -> Answers:
    """Return what answers connection tests, over a connection of its own."""
    topic = settings.connection_test_topic
    publisher = AlertPublisher([topic], auth=settings.hop_auth, idempotent=False)
    courier = stack.enter_context(Courier(publisher, "answers", MOST_WAITING))
    return Answers(topic, courier.give, time.monotonic)


def _notices(settings: Settings, stack: ExitStack, *, firedrill: bool) -> Notices:
    """Return what tells detectors of observations that raise no alert, over a connection of its own."""
    topic = settings.no_coincidence_topic
    publisher = AlertPublisher(filter(None, [topic]), auth=settings.hop_auth, idempotent=False)
    courier = stack.enter_context(Courier(publisher, "notices"))
    return Notices(topic, courier.give, server_tag=settings.server_tag, is_firedrill=firedrill)


def _display(settings: Settings, registry: Registry, *, firedrill: bool) -> HeartbeatDisplay:
    return HeartbeatDisplay(
        lambda: closing(open_reader(settings.database_server, firedrill=firedrill)),
        [detector.name for detector in registry.detectors if detector.name != TEST_DETECTOR],
        offline_after_ns=settings.hb_offline_after_ns,
        now=tai_now,
    )


def _warm_up(publisher: AlertPublisher, stop: StopRequest) -> None:
    try:
        publisher.warm_up(stopping=lambda: bool(stop))
    except StreamError as error:
        log.warning("alerts could not be published now", error=str(error))


def _ask(settings: Settings, *, firedrill: bool) -> None:
    shown = next(each.value for each in settings.shown() if each.key == "DATABASE_SERVER")
    spool = spool_directory(settings, firedrill=firedrill)
    click.confirm(f"Delete the journal and all else in {shown}, and the spool in {spool}?", abort=True)
