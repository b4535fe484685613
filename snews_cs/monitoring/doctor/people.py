"""Those who are told: Slack, mail."""

import threading
from dataclasses import replace

from pydantic import SecretStr

from snews_cs.errors import MailNotSent, SettingsError
from snews_cs.monitoring.doctor.finding import Finding, Level
from snews_cs.notify.mailbox import MailServer
from snews_cs.notify.slack_channel import SlackChannel, check_patiently
from snews_cs.settings import Settings
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
    channel = SlackChannel(token.get_secret_value(), channel_id, api_url=api_url)
    timer = threading.Timer(_PATIENCE_S, gave_up.make)
    timer.start()
    try:
        has_seen_channel = check_patiently(
            channel, gave_up, on_trouble=lambda problem, _again_in_s: troubles.append(problem)
        )
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


def check_mail(settings: Settings) -> Finding:
    """Ask the mail server whether it takes us; nothing is sent."""
    if settings.smtp_server_addr is None and not settings.alert_emails:
        return Finding(Level.OK, "mail", "is not set up")
    try:
        server = replace(MailServer.of(settings), timeout_s=_PATIENCE_S)
        server.check()
    except SettingsError as error:
        return Finding(Level.FAILED, "mail", str(error), "mend the setting; the mail server's people know both")
    except MailNotSent as error:
        return Finding(Level.WARNING, "mail", str(error), "check smtp_server_addr and the network, try again")
    login = "lets us in" if server.password is not None else "answers (no login: snews_sender_pass is not set)"
    to = len(settings.alert_emails)
    addresses = f"{to} address{'' if to == 1 else 'es'}" if to else "nobody: ALERT_EMAILS is not set"
    return Finding(Level.OK, "mail", f"{server} {login}; alerts go to {addresses}")
