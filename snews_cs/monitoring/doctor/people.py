"""Those who are told: Slack, mail."""

import threading

from pydantic import SecretStr

from snews_cs.errors import SettingsError
from snews_cs.monitoring.doctor.finding import Finding, Level
from snews_cs.notify.slack import SlackChannel
from snews_cs.waiting import StopRequest

_PATIENCE_S = 5.0


def check_slack(token: SecretStr | None, channel_id: str | None, api_url: str) -> Finding:
    """Ask Slack whether the bot's token and channel are right; nothing is posted."""
    if token is None and channel_id is None:
        return Finding(Level.OK, "Slack", "is not set up")
    if token is None or channel_id is None:
        missing = "SLACK_TOKEN" if token is None else "slack_channel_id"
        return Finding(Level.WARNING, "Slack", f"{missing} is not set", "set both, or neither")
    gave_up = StopRequest()
    timer = threading.Timer(_PATIENCE_S, gave_up.make)
    timer.start()
    try:
        SlackChannel(token.get_secret_value(), channel_id, gave_up, api_url=api_url).check()
    except SettingsError as error:
        return Finding(
            Level.FAILED, "Slack", str(error), "mend the setting; the bot's page at api.slack.com shows both"
        )
    finally:
        timer.cancel()
        timer.join()
    if gave_up:
        return Finding(Level.WARNING, "Slack", f"does not answer in {_PATIENCE_S:g} s", "check the network, try again")
    return Finding(Level.OK, "Slack", f"takes the token and channel {channel_id}")


def check_mail() -> Finding:
    """Say that there is no mail yet."""
    return Finding(Level.OK, "mail", "is not part of this version")
