"""A channel in Slack: one call at a time, and what Slack's answers mean."""

import logging
import re
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from snews_cs.errors import NotTold, NotToldYet, SettingsError
from snews_cs.notify.slack_message import SlackMessage
from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

SLACK_API = "https://slack.com/api/"

_TIMEOUT_S = 10
_IN_DOUBT_S = 30.0  # what was given up may have been posted all the same, and will be posted again: not too often
_LONGEST_ASKED_S = 3600.0
_NO_OBJECT = "its answer is no JSON object"
_READ_JSON = frozenset({"chat.postMessage", "chat.update"})  # other methods read forms only
_TRANSIENT = frozenset(
    {
        "accesslimited",
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "update_failed",
    }
)
_TOKEN = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_CHANNEL = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
    }
)
_THREAD = frozenset(
    {"cannot_reply_to_message", "restricted_action_non_threadable_channel", "restricted_action_thread_locked"}
)
_BLOCKS = frozenset({"invalid_attachments", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_SCOPE = "missing_scope"


class SlackChannel:
    """A channel that a bot writes to. Each method asks Slack once, for a few seconds at most.

    All of them raise :class:`snews_cs.errors.NotToldYet` where trying again helps: outages, rate limits; and
    :class:`snews_cs.errors.SettingsError` where Slack refuses the token or the channel.

    Parameters
    ----------
    token, channel_id
        The bot's token (``SLACK_TOKEN``) and the channel's id (``slack_channel_id``).
    api_url
        Where Slack's API is.
    """

    def __init__(self, token: str, channel_id: str, *, api_url: str = SLACK_API) -> None:
        self.channel_id = channel_id
        quiet = logging.getLogger(f"{__name__}.client")
        quiet.setLevel(logging.CRITICAL)  # what it would log is logged here
        # Retries are ours: the client's would sleep through a wish to stop.
        self._client = WebClient(token, base_url=api_url, timeout=_TIMEOUT_S, retry_handlers=[], logger=quiet)

    def check(self) -> bool:
        """Ask whether token and channel are right; False if the token may not look at channels.

        Such a channel is only found wrong by posting.
        """
        self._call("auth.test")
        try:
            self._call("conversations.info", channel=self.channel_id)
        except _MissingScope:
            return False
        return True

    def post(self, message: SlackMessage, *, thread: str | None = None) -> str:
        """Post a message, into a thread if one is named, and return Slack's name for it (``ts``).

        Where the thread is closed it goes into the channel, and where Slack does not take its blocks, as a text.

        Raises
        ------
        NotTold
            If Slack does not take this message so either; it may take others.
        """
        arguments: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
        if thread is not None:
            arguments["thread_ts"] = thread
        while True:
            try:
                answer = self._call(
                    "chat.postMessage", channel=self.channel_id, unfurl_links=False, unfurl_media=False, **arguments
                )
            except _Refused as refused:
                left_out = "thread_ts" if refused.code in _THREAD else "blocks" if refused.code in _BLOCKS else None
                if arguments.pop(left_out or "", None) is None:
                    raise NotTold(str(refused)) from refused
                log.warning(
                    "Slack does not take a message as it is: posting it without", part=left_out, error=str(refused)
                )
            else:
                ts = answer.get("ts")
                if not isinstance(ts, str):
                    raise NotToldYet("Slack cannot do it now: its answer has no ts", _IN_DOUBT_S)
                return ts

    def edit(self, ts: str, message: SlackMessage) -> bool:
        """Put another message in the place of one that the bot posted; False, and a line in the log, if Slack won't."""
        try:
            self._call(
                "chat.update",
                channel=self.channel_id,
                ts=ts,
                text=message.text,
                blocks=list(message.blocks),
                parse="none",
            )
        except _Refused as refused:
            log.warning("a message in Slack could not be edited", ts=ts, error=str(refused))
            return False
        return True

    def permalink(self, ts: str) -> str | None:
        """Return the address of a message; None if Slack does not give it."""
        try:
            address = self._call("chat.getPermalink", channel=self.channel_id, message_ts=ts).get("permalink")
        except _Refused as refused:
            log.info("Slack does not give the address of a message", ts=ts, error=str(refused))
            return None
        return address if isinstance(address, str) else None

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        reads_json = method in _READ_JSON
        try:
            response = self._client.api_call(
                method, json=arguments if reads_json else None, params=None if reads_json else arguments
            )
        except SlackApiError as error:
            raise self._meaning(error) from error
        except TimeoutError as error:  # of reading, not of connecting
            raise NotToldYet(f"Slack does not answer: {error}", _IN_DOUBT_S) from error
        except (OSError, HTTPException) as error:
            raise NotToldYet(f"Slack does not answer: {error}") from error
        except AttributeError as error:  # the client takes every JSON for an object
            raise NotToldYet(f"Slack cannot do it now: {_NO_OBJECT}") from error
        answer: dict[str, Any] = response.data  # type: ignore[assignment]  # bytes only of admin.analytics
        return answer

    def _meaning(self, error: SlackApiError) -> NotToldYet | SettingsError:
        status = error.response.status_code
        if status != 200:
            return NotToldYet(f"Slack answers with HTTP status {status}", _retry_after_s(error))
        if not isinstance(error.response.data, dict):
            return NotToldYet(f"Slack cannot do it now: {_NO_OBJECT}", _retry_after_s(error))
        code = str(error.response.get("error", ""))
        if code in _TRANSIENT or not re.fullmatch("[a-z_]+", code):
            return NotToldYet(f"Slack cannot do it now: {code[:200]}", _retry_after_s(error))
        if code == _SCOPE:
            return _MissingScope(f"SLACK_TOKEN lacks the scope {error.response.get('needed')}")
        if code in _TOKEN:
            return SettingsError(f"Slack refuses SLACK_TOKEN: {code}")
        if code in _CHANNEL:
            return SettingsError(f"Slack refuses slack_channel_id {self.channel_id}: {code}")
        return _Refused(code)


class _Refused(SettingsError):
    """Slack does not take this message; ``code`` is what it says."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refuses: {code}")
        self.code = code


class _MissingScope(SettingsError):
    """The token may do other things, but not this one."""


def _retry_after_s(error: SlackApiError) -> float:
    """Return how long Slack asks to be left alone, s; who asks for days means something else, or is not Slack."""
    asked = str(error.response.headers.get("Retry-After", ""))
    return min(float(asked), _LONGEST_ASKED_S) if asked.isdecimal() else 0.0


def _log_trouble(problem: str, again_in_s: float) -> None:
    log.warning(problem, again_in_s=again_in_s)


def check_patiently(
    channel: SlackChannel, stop: StopRequest, *, on_trouble: Callable[[str, float], None] = _log_trouble
) -> bool:
    """:meth:`SlackChannel.check` until Slack answers; False, too, if told to stop before.

    Parameters
    ----------
    on_trouble
        Is told what is waited out, and for how long, s; by default it is logged.

    Raises
    ------
    SettingsError
        If the token or the channel is wrong.
    """
    backoff = Backoff()
    while not stop:
        try:
            return channel.check()
        except NotToldYet as problem:
            delay_s = max(backoff.failure(), problem.after_s)
            on_trouble(str(problem), delay_s)
            stop.wait(delay_s)
    return False
