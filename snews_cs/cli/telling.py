"""What the commands that tell people of alerts have in common."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple
from uuid import uuid4

import click

from snews_cs.cli.installation import Installation, has_installation
from snews_cs.cli.server_settings import alert_topic
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.notify.deliveries import Deliveries
from snews_cs.notify.teller import Recipient, Teller
from snews_cs.settings import Settings
from snews_cs.storage.open import open_notes
from snews_cs.streams.alerts import AlertStream
from snews_cs.waiting import StopRequest

INTERRUPTED_AFTER_S = 2
"""Who is told to stop waits no longer than this for an answer of somebody else's server, s."""


class OpenAlerts(NamedTuple):
    """A topic of alerts that is read, and what is remembered of who was told."""

    alerts: AlertStream
    deliveries: Deliveries


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSource:
    """Which alerts to tell people of.

    Parameters
    ----------
    settings
        Those in force.
    test, firedrill
        Whether those that tests raise, those of a firedrill; else real ones.
    began_unix_ms
        When this command, or the server that it is a companion of, began: POSIX time, ms.
    stop
        Is made by SIGTERM, by Ctrl-C, and for a companion by the end of the server that started it.
    """

    settings: Settings
    test: bool
    firedrill: bool
    began_unix_ms: int
    stop: StopRequest

    @property
    def topic(self) -> str:
        """``kafka://...``, where they are."""
        if self.test:
            return self.settings.connection_test_topic
        return alert_topic(self.settings, firedrill=self.firedrill)

    @contextmanager
    def opened(self, name: str) -> Iterator[OpenAlerts]:
        """Read them, in a consumer group of that name for each kind of alerts."""
        settings = self.settings
        kind = "-test" if self.test else "-firedrill" if self.firedrill else ""
        group_id = f"{settings.consumer_group}-{name}{kind}"
        holder = f"{settings.server_tag} {os.getpid()} {uuid4()}"
        with (
            closing(open_notes(settings.database_server, firedrill=self.firedrill)) as notes,
            AlertStream(self.topic, auth=settings.hop_auth, group_id=group_id, from_beginning=True) as alerts,
        ):
            self.stop.then(alerts.request_stop)
            yield OpenAlerts(alerts, Deliveries(notes, holder=holder))

    def tell(self, recipients: Sequence[Recipient], opened: OpenAlerts, *, longest_wait_s: float = 10.0) -> None:
        """Tell these people, until told to stop.

        Raises
        ------
        SettingsError
            If trying again cannot help.
        """
        Teller(
            opened.alerts,
            recipients,
            opened.deliveries,
            topic=self.topic,
            began_unix_ms=self.began_unix_ms,
            stop=self.stop,
            longest_wait_s=longest_wait_s,
        ).run()


def tells_people(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which alerts, and as its first argument an :class:`AlertSource`."""

    @click.option(
        "--test/--no-test", default=False, help="Tell of the alerts of tests (CONNECTION_TEST_TOPIC), not of real ones."
    )
    @click.option(
        "--firedrill/--no-firedrill",
        default=False,
        help="Tell of the alerts of firedrills (FIREDRILL_ALERT_TOPIC), and use their store.",
    )
    @has_installation("Use what `run-coincidence --embedded` uses.")
    @click.option(
        "--companion",
        "server_began_unix_ms",
        type=int,
        hidden=True,
        help="POSIX time, ms, at which the server began that this belongs to: end when standard input does.",
    )
    @wraps(command)
    def with_alerts(
        *,
        test: bool,
        firedrill: bool,
        installation: Installation,
        server_began_unix_ms: int | None,
        **options: Any,
    ) -> None:
        began_unix_ms = server_began_unix_ms or time.time_ns() // 10**6
        settings = installation.settings(click.get_current_context().obj)
        stop = stop_on_signals(interrupted_after_s=INTERRUPTED_AFTER_S)
        if server_began_unix_ms is not None:
            threading.Thread(
                target=_end_with_input, args=(stop,), name="waits for the server's end", daemon=True
            ).start()
        source = AlertSource(settings=settings, test=test, firedrill=firedrill, began_unix_ms=began_unix_ms, stop=stop)
        command(source, **options)

    return with_alerts


def _end_with_input(stop: StopRequest) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.make()
