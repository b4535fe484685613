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
    gave_up, troubles = StopRequest(), list[str]()
    channel = SlackChannel(
        token.get_secret_value(),
        channel_id,
        gave_up,
        api_url=api_url,
        on_trouble=lambda problem, _again_in_s: troubles.append(problem),
    )
    timer = threading.Timer(_PATIENCE_S, gave_up.make)
    timer.start()
    try:
        has_seen_channel = channel.check()
    except SettingsError as error:
        return Finding(
            Level.FAILED, "Slack", str(error), "mend the setting; the bot's page at api.slack.com shows both"
        )
    finally:
        timer.cancel()
        timer.join()
    trouble = f": {troubles[-1]}" if troubles else ""
    if gave_up:
        return Finding(
            Level.WARNING, "Slack", f"has no answer in {_PATIENCE_S:g} s{trouble}", "check the network, try again"
        )
    what = f"the token and channel {channel_id}" if has_seen_channel else "the token, which may not look at channels"
    return Finding(Level.OK, "Slack", f"takes {what}{' after trouble' if troubles else ''}{trouble}")


def check_mail() -> Finding:
    """Say that there is no mail yet."""
    return Finding(Level.OK, "mail", "is not part of this version")
