"""``snews_cs doctor``: whether a server could work here with these settings, and what to do where it could not."""

from collections.abc import Iterator
from dataclasses import dataclass

from snews_cs.monitoring.doctor.drills import check_drill
from snews_cs.monitoring.doctor.finding import Finding
from snews_cs.monitoring.doctor.kafka import Topics, check_broker
from snews_cs.monitoring.doctor.machine import check_clock, check_registry, check_server
from snews_cs.monitoring.doctor.people import check_mail, check_slack
from snews_cs.monitoring.doctor.store import check_room, check_store
from snews_cs.notify.slack_channel import SLACK_API
from snews_cs.settings import MASK, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Looks at what a server needs, one thing after the other. It publishes nothing and makes nothing.

    Parameters
    ----------
    settings
        Those of the server.
    firedrill
        Whether to look at the topics and the store of firedrills.
    slack_api
        Where Slack's API is.
    """

    settings: Settings
    firedrill: bool = False
    slack_api: str = SLACK_API

    def examine(self) -> Iterator[Finding]:
        """Yield what is found, as it is found; no secret is in it."""
        for finding in self._findings():
            yield finding.without(self.settings.secrets, MASK)

    def _findings(self) -> Iterator[Finding]:
        settings = self.settings
        yield check_registry(settings.detector_registry)
        yield from check_broker(
            Topics.of(settings, firedrill=self.firedrill), settings.consumer_group, auth=settings.hop_auth
        )
        yield from check_store(settings.database_server, firedrill=self.firedrill)
        yield check_room("spool", settings.spool_directory)
        yield check_clock()
        yield check_server(settings.monitoring_address)
        topic = settings.firedrill_observation_topic if self.firedrill else settings.observation_topic
        yield from check_drill(settings.drill_history, topic)
        yield check_slack(settings.slack_token, settings.slack_channel_id, self.slack_api)
        yield check_mail(settings)
