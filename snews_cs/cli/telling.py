"""What the commands that tell people of alerts have in common."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click

from snews_cs.cli.embedded import local_settings
from snews_cs.cli.stopping import stop_on_signals
from snews_cs.errors import SettingsError
from snews_cs.notify.deliveries import Deliveries
from snews_cs.settings import Settings
from snews_cs.storage.open import open_notes
from snews_cs.streams.alerts import AlertStream
from snews_cs.waiting import StopRequest


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
    stop
        Is made by SIGTERM, by Ctrl-C, and for a companion by the end of the server that started it.
    """

    settings: Settings
    test: bool
    firedrill: bool
    stop: StopRequest

    @property
    def topic(self) -> str:
        """``kafka://...``, where they are."""
        if self.test:
            return self.settings.connection_test_topic
        return self.settings.firedrill_alert_topic if self.firedrill else self.settings.alert_topic

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
    @click.option("--embedded", "is_embedded", is_flag=True, help="Use what `run-coincidence --embedded` uses.")
    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="With --embedded: its directory.  [default: $XDG_DATA_HOME/snews_cs]",
    )
    @click.option("--companion", "is_companion", is_flag=True, hidden=True, help="End when standard input does.")
    @wraps(command)
    def with_alerts(
        *, test: bool, firedrill: bool, is_embedded: bool, data: Path | None, is_companion: bool, **options: Any
    ) -> None:
        if data is not None and not is_embedded:
            raise SettingsError("--data goes with --embedded")
        settings: Settings = click.get_current_context().obj
        if is_embedded:
            settings = local_settings(settings, data)
        stop = stop_on_signals()
        if is_companion:
            threading.Thread(
                target=_end_with_input, args=(stop,), name="waits for the server's end", daemon=True
            ).start()
        command(AlertSource(settings=settings, test=test, firedrill=firedrill, stop=stop), **options)

    return with_alerts


def _end_with_input(stop: StopRequest) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.make()
