"""``snews_cs run-slack-bot``."""

import click

from snews_cs.cli.telling import AlertSource, tells_people
from snews_cs.errors import SettingsError
from snews_cs.notify.slack import SlackThread
from snews_cs.notify.slack_channel import SLACK_API, SlackChannel, check_patiently


@click.command("run-slack-bot")
@tells_people
@click.option("--slack-api", envvar="SLACK_API_URL", default=SLACK_API, hidden=True)
def run_slack_bot(source: AlertSource, *, slack_api: str) -> None:
    """Tell a Slack channel of each alert, once: a message for each event, and in its thread what becomes of it.

    Needs SLACK_TOKEN (a bot's, with the scope chat:write) and slack_channel_id. Alerts published while the bot was
    down are posted when it is back; what was published before its first start is not. It may run at each site: what is
    posted is noted in the store.
    """
    settings = source.settings
    if settings.slack_token is None or settings.slack_channel_id is None:
        raise SettingsError("SLACK_TOKEN and slack_channel_id are needed to post to Slack")
    channel = SlackChannel(settings.slack_token.get_secret_value(), settings.slack_channel_id, api_url=slack_api)
    with source.opened("slack") as opened:
        check_patiently(channel, source.stop)
        recipient = SlackThread(channel, opened.deliveries, link=settings.alert_link, firedrill=source.firedrill)
        source.tell([recipient], opened)
