"""``snews_cs run-feedback``."""

import os
import uuid
from contextlib import closing

import click
import structlog

from snews_cs.cli.installation import Installation, has_installation
from snews_cs.cli.mail_server import tried_mail_server
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.heartbeats.feedback.desk import Desk
from snews_cs.heartbeats.feedback.figures import FigureDirectory
from snews_cs.heartbeats.feedback.inquiries import Inquiries
from snews_cs.heartbeats.feedback.post import Post
from snews_cs.heartbeats.feedback.service import Feedback, open_patiently
from snews_cs.heartbeats.feedback.watch import SilenceWatch
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import tai_now
from snews_cs.notify.deliveries import Deliveries
from snews_cs.settings import Settings
from snews_cs.storage.open import open_notes, open_reader

log = structlog.get_logger(__name__)

STOPPED_WITHIN_S = 4
"""A mail server that is slow to take a mail is waited for no longer than this when told to stop."""


@click.command("run-feedback")
@click.option(
    "--firedrill/--no-firedrill", default=False, show_default=True, help="Look at the store of firedrills instead."
)
@has_installation("Look at the store of `run-coincidence --embedded`.")
@click.pass_obj
def run_feedback(settings: Settings, *, firedrill: bool, installation: Installation) -> None:
    """Mail the contacts of each detector how its heartbeats do.

    Once when one is overdue (after at least 5 in 24 hours, a silence longer than their mean interval and 3 standard
    deviations), once when it is back; and whenever they ask by Get-Feedback. Contacts are the addresses registered for
    a detector (DETECTOR_REGISTRY). Needs smtp_server_addr and snews_sender_email; snews_sender_pass if the mail server
    asks for a login. It looks at the store (DATABASE_SERVER) only; of several that share it, one mails.
    """
    registry = Registry.load(settings.detector_registry)
    stop = stop_on_signals(interrupted_after_s=STOPPED_WITHIN_S)
    mail_server = tried_mail_server(settings)
    address = installation.database_server(settings)
    store = open_patiently(lambda: open_reader(address, firedrill=firedrill), stop)
    if store is None:
        return
    with closing(store), closing(open_notes(address, firedrill=firedrill)) as notes:
        deliveries = Deliveries(notes, holder=f"{settings.server_tag} {os.getpid()} {uuid.uuid4()}")
        post = Post(mail_server, deliveries, server_tag=settings.server_tag, stop=stop, now=tai_now)
        figures = FigureDirectory(settings.figures_directory, kept_ns=settings.remove_figures_after_ns)
        desk = Desk(
            store=store, registry=registry, post=post, offline_after_ns=settings.hb_offline_after_ns, now=tai_now
        )
        log.info("looking after heartbeats", contacts=sum(len(each.emails) for each in registry.detectors))
        Feedback(Inquiries(desk, figures), SilenceWatch(desk, notes), post, figures, stop=stop).run()
    log.info("stopped")
