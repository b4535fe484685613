"""``snews_cs run-slack-bot``."""

import os
import signal
from contextlib import closing
from pathlib import Path

import click

from snews_cs.errors import SettingsError
from snews_cs.notify.posted import PostedAlerts
from snews_cs.notify.slack import SLACK_API, SlackBot, SlackChannel
from snews_cs.settings import Settings
from snews_cs.streams.alerts import AlertStream
from snews_cs.waiting import StopRequest


def _default_notes() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "snews_cs" / "slack.sqlite"


@click.command("run-slack-bot")
@click.option(
    "--test/--no-test",
    default=False,
    show_default=True,
    help="Post the alerts of tests (CONNECTION_TEST_TOPIC) instead of real ones (ALERT_TOPIC).",
)
@click.option(
    "--notes",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_default_notes,
    help="Where to note what was posted.  [default: slack.sqlite in $XDG_STATE_HOME/snews_cs]",
)
@click.option("--slack-api", envvar="SLACK_API_URL", default=SLACK_API, hidden=True)
@click.pass_obj
def run_slack_bot(settings: Settings, *, test: bool, notes: Path, slack_api: str) -> None:
    """Post each alert to a Slack channel, once.

    Needs SLACK_TOKEN (a bot's, with the scope chat:write) and slack_channel_id. Alerts published while the bot was
    down are posted when it is back; what was published before its first start is not.
    """
    if settings.slack_token is None or settings.slack_channel_id is None:
        raise SettingsError("SLACK_TOKEN and slack_channel_id are needed to post to Slack")
    stop = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.make())
    topic = settings.connection_test_topic if test else settings.alert_topic
    group_id = f"{settings.consumer_group}-slack{'-test' if test else ''}"
    channel = SlackChannel(settings.slack_token.get_secret_value(), settings.slack_channel_id, stop, api_url=slack_api)
    with (
        closing(PostedAlerts(notes)) as posted,
        AlertStream(topic, auth=settings.hop_auth, group_id=group_id, from_beginning=True) as alerts,
    ):
        SlackBot(alerts, channel, posted, topic=topic, stop=stop).run()
