"""The Slack bot: one message per alert."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any, Protocol

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from snews_cs.errors import MessageRefused, SettingsError
from snews_cs.notify.posted import PostedAlerts
from snews_cs.notify.wording import PublishedAlert, alert_in_words
from snews_cs.streams.alerts import ReceivedAlert
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

SLACK_API = "https://slack.com/api/"
LONGEST_TEXT = 3900
"""Slack asks for at most 4,000 characters."""

_TRANSIENT = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"})
_CHANNEL = frozenset({"channel_not_found", "not_in_channel", "is_archived"})
_SCOPE = "missing_scope"


class Alerts(Protocol):
    """Where alerts come from (:class:`snews_cs.streams.alerts.AlertStream`)."""

    def batch(self, timeout_s: float, limit: int) -> Sequence[ReceivedAlert]:
        """Wait for an alert, at most that long."""

    def mark_done(self) -> None:
        """Let what was read so far never come again."""


def _log_trouble(problem: str, again_in_s: float) -> None:
    log.warning(problem, again_in_s=again_in_s)


class SlackChannel:
    """A channel that a bot posts to, patiently: outages and Slack's rate limit are waited out.

    Parameters
    ----------
    token, channel_id
        The bot's token (``SLACK_TOKEN``) and the channel's id (``slack_channel_id``).
    stop
        Ends all waiting.
    api_url
        Where Slack's API is.
    on_trouble
        Is told what is waited out, and for how long, s; by default it is logged.
    """

    def __init__(
        self,
        token: str,
        channel_id: str,
        stop: StopRequest,
        *,
        api_url: str = SLACK_API,
        on_trouble: Callable[[str, float], None] = _log_trouble,
    ) -> None:
        self.channel_id = channel_id
        self._stop = stop
        self._on_trouble = on_trouble
        quiet = logging.getLogger(f"{__name__}.client")
        quiet.setLevel(logging.CRITICAL)  # what it would log is logged here
        # Within the time-out a bot that is told to stop does so; retries are ours, as the client's would sleep through.
        self._client = WebClient(token, base_url=api_url, timeout=4, retry_handlers=[], logger=quiet)

    def check(self) -> bool:
        """Ask Slack whether the token and the channel are right; False if the token may not look at channels.

        Such a channel is only found wrong by posting.

        Raises
        ------
        SettingsError
            If one is wrong.
        """
        self._call("auth.test")
        try:
            self._call("conversations.info", channel=self.channel_id)
        except _MissingScope:
            return False
        return True

    def post(self, text: str) -> str | None:
        """Post a message and return Slack's name for it (``ts``); None if told to stop before that was done.

        Raises
        ------
        SettingsError
            If Slack refuses the token or the channel.
        """
        answer = self._call("chat.postMessage", channel=self.channel_id, text=text, unfurl_links=False)
        return None if answer is None else str(answer["ts"])

    def _call(self, method: str, **arguments: object) -> dict[str, Any] | None:
        """Call a method of Slack's API until it is answered; None if told to stop before."""
        backoff = Backoff()
        while not self._stop:
            try:
                response = self._client.api_call(method, json=arguments)
            except SlackApiError as error:
                problem = self._refusal(error)
                delay_s = max(backoff.failure(), _retry_after_s(error))
            except (OSError, HTTPException) as error:
                problem = f"Slack does not answer: {error}"
                delay_s = backoff.failure()
            else:
                answer: dict[str, Any] = response.data  # type: ignore[assignment]  # bytes only of admin.analytics
                return answer
            self._on_trouble(problem, delay_s)
            self._stop.wait(delay_s)
        return None

    def _refusal(self, error: SlackApiError) -> str:
        """Return what waiting will mend; raise what it will not."""
        status, code = error.response.status_code, str(error.response.get("error", ""))
        if status != 200:
            return f"Slack answers with HTTP status {status}"
        if code in _TRANSIENT or not re.fullmatch("[a-z_]+", code):
            return f"Slack cannot do it now: {code[:200]}"
        if code == _SCOPE:
            needed = error.response.get("needed")
            raise _MissingScope(f"SLACK_TOKEN lacks the scope {needed}") from error
        if code in _CHANNEL:
            raise SettingsError(f"Slack refuses slack_channel_id {self.channel_id}: {code}") from error
        raise SettingsError(f"Slack refuses SLACK_TOKEN: {code}") from error


class SlackBot:
    """Posts one message for each alert published since its first start, in the order they were read.

    An alert is known by its ``alert_uuid``; what was posted is noted durably, then the position on the topic. So each
    is posted at least once, and once only, but for one case: Slack took a message and the bot, or the connection,
    broke down before that was noted. Then it is posted again.

    Parameters
    ----------
    alerts, channel, posted
        Where alerts come from, where they go, and what is remembered.
    topic
        Name of the topic that is read.
    stop
        Ends :meth:`run`.
    """

    def __init__(
        self, alerts: Alerts, channel: SlackChannel, posted: PostedAlerts, *, topic: str, stop: StopRequest
    ) -> None:
        self._alerts = alerts
        self._channel = channel
        self._posted = posted
        self._topic = topic
        self._stop = stop

    def run(self) -> None:
        """Post alerts until told to stop.

        Raises
        ------
        SettingsError
            If Slack refuses the token or the channel.
        """
        began_unix_ms = self._posted.began_unix_ms(self._channel.channel_id, self._topic, time.time_ns() // 10**6)
        if not self._channel.check():
            log.info("the Slack token may not look at channels: the channel is checked by the first alert")
        while not self._stop:
            for received in self._alerts.batch(0.5, 1):
                if received.published_unix_ms >= began_unix_ms:
                    self._see_to(received.content)
            if not self._stop:
                self._alerts.mark_done()

    def _see_to(self, content: dict[str, Any]) -> None:
        if "alert_type" not in content:
            return  # the topic of tests also holds answers to connection tests
        try:
            alert = PublishedAlert.read(content)
        except MessageRefused as reason:
            log.warning("an alert was not posted", reason=str(reason), id=str(content.get("id"))[:200])
            return
        if self._posted.holds(self._channel.channel_id, alert.alert_uuid):
            return
        message = self._channel.post(_escaped(alert_in_words(alert))[:LONGEST_TEXT])
        if message is not None:
            self._posted.add(self._channel.channel_id, alert.alert_uuid, message)
            log.info("alert posted to Slack", alert_type=alert.alert_type, alert_uuid=alert.alert_uuid)


class _MissingScope(SettingsError):
    """The token may do other things, but not this one."""


def _retry_after_s(error: SlackApiError) -> float:
    """Return how long Slack asks to be left alone, s."""
    asked = str(error.response.headers.get("Retry-After", ""))
    return float(asked) if asked.isdecimal() else 0.0


def _escaped(text: str) -> str:
    """Make Slack show ``&``, ``<`` and ``>`` instead of reading them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
