"""The bot posts each alert once, whatever Slack is like that day."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import SettingsError
from snews_cs.notify.posted import PostedAlerts
from snews_cs.notify.slack import LONGEST_TEXT, SlackBot, SlackChannel
from snews_cs.streams.alerts import ReceivedAlert
from snews_cs.waiting import StopRequest
from tests.notify.conftest import alert
from tests.support.slack_server import CHANNEL, TOKEN, Fault, SlackServer

NOW_MS = time.time_ns() // 10**6 + 3_600_000


class RecordedStop(StopRequest):
    """Notes the waits instead of waiting; stops on its own when there were many."""

    def __init__(self, after: int = 100) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._after = after

    def wait(self, seconds: float) -> bool:
        """Do not wait."""
        self.waits.append(seconds)
        if len(self.waits) >= self._after:
            self.make()
        return bool(self)


class ListedAlerts:
    """Alerts from a list, after which the bot is stopped."""

    def __init__(self, stop: StopRequest, contents: Sequence[dict[str, object]], published_unix_ms: int) -> None:
        self._stop = stop
        self._left = [ReceivedAlert(content, published_unix_ms, 0) for content in contents]
        self.taken = 0
        self.done = 0

    def batch(self, timeout_s: float, limit: int) -> list[ReceivedAlert]:
        """Return the next ones."""
        if not self._left:
            self._stop.make()
        batch, self._left = self._left[:limit], self._left[limit:]
        self.taken += len(batch)
        return batch

    def mark_done(self) -> None:
        """Note it."""
        self.done = self.taken


@pytest.fixture
def posted(tmp_path: Path) -> Iterator[PostedAlerts]:
    opened = PostedAlerts(tmp_path / "notes.sqlite")
    yield opened
    opened.close()


def run_bot(
    slack: SlackServer,
    posted: PostedAlerts,
    *contents: dict[str, object],
    stop: StopRequest | None = None,
    token: str = TOKEN,
    channel: str = CHANNEL,
    published_unix_ms: int = NOW_MS,
) -> ListedAlerts:
    stop = RecordedStop() if stop is None else stop
    alerts = ListedAlerts(stop, contents, published_unix_ms)
    SlackBot(alerts, SlackChannel(token, channel, stop, api_url=slack.url), posted, topic="t", stop=stop).run()
    return alerts


def test_each_alert_is_posted_once_in_order(slack: SlackServer, posted: PostedAlerts) -> None:
    alerts = run_bot(slack, posted, alert(0), alert(1, alert_type="UPDATE"), alert(0), alert(1))
    assert [message.splitlines()[0] for message in slack.messages] == [
        "*Supernova alert: 2 detectors coincide*",
        "*Supernova alert updated: 2 detectors coincide*",
    ]
    assert alerts.done == 4


def test_what_was_posted_before_a_restart_is_not_posted_again(slack: SlackServer, posted: PostedAlerts) -> None:
    run_bot(slack, posted, alert(0))
    run_bot(slack, posted, alert(0), alert(1))
    assert len(slack.messages) == 2


def test_what_was_published_before_the_first_start_is_history(slack: SlackServer, posted: PostedAlerts) -> None:
    alerts = run_bot(slack, posted, alert(0), published_unix_ms=1_700_000_000_000)
    assert slack.messages == []
    assert alerts.done == 1


def test_what_was_published_while_the_bot_was_down_is_news(slack: SlackServer, posted: PostedAlerts) -> None:
    posted.began_unix_ms(CHANNEL, "t", 1_600_000_000_000)
    run_bot(slack, posted, alert(0), published_unix_ms=1_700_000_000_000)
    assert len(slack.messages) == 1


def test_answers_and_junk_on_the_topic_are_passed_over(slack: SlackServer, posted: PostedAlerts) -> None:
    with capture_logs() as lines:
        run_bot(slack, posted, {"id": "0_test-connection"}, alert(0, detector_names=17), alert(1))
    assert len(slack.messages) == 1
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["an alert was not posted"]


def test_marks_of_slack_are_shown_as_they_are_and_long_texts_cut(slack: SlackServer, posted: PostedAlerts) -> None:
    names = [f"<!channel> & {number}" for number in range(100)]
    times, p_values = ["2026-11-21T12:30:00Z"] * 100, [None] * 100
    run_bot(slack, posted, alert(0, detector_names=names, neutrino_times=times, p_values=p_values))
    assert "&lt;!channel&gt; &amp; 0 at" in slack.messages[0]
    assert len(slack.messages[0]) <= LONGEST_TEXT


def test_the_rate_limit_is_waited_out(slack: SlackServer, posted: PostedAlerts) -> None:
    limited = Fault(429, '{"ok": false, "error": "ratelimited"}', retry_after=30)
    slack.fail("chat.postMessage", limited, limited)
    stop = RecordedStop()
    run_bot(slack, posted, alert(0), stop=stop)
    assert stop.waits == [30.0, 30.0]
    assert len(slack.messages) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, "Internal Server Error"),
        Fault(503, "<html>a proxy's page</html>"),
        Fault(200, "<html>a proxy's page</html>"),
        Fault(200, ""),
        Fault(200, '{"ok": false, "error": "fatal_error"}'),
        Fault(200, '{"ok": false, "error": "service_unavailable"}'),
    ],
)
def test_an_outage_is_waited_out(slack: SlackServer, posted: PostedAlerts, fault: Fault) -> None:
    slack.fail("auth.test", fault)
    slack.fail("chat.postMessage", fault, fault, fault)
    stop = RecordedStop()
    with capture_logs() as lines:
        run_bot(slack, posted, alert(0), stop=stop)
    assert stop.waits == [0.1, 0.1, 0.2, 0.4]
    assert len(slack.messages) == 1
    assert len([line for line in lines if line["log_level"] == "warning"]) == 4


def test_an_answer_that_is_lost_means_the_alert_is_posted_again(slack: SlackServer, posted: PostedAlerts) -> None:
    slack.fail("chat.postMessage", Fault(drop=True))
    run_bot(slack, posted, alert(0))
    assert len(slack.messages) == 2  # at least once: who lost the answer cannot know


def test_who_is_told_to_stop_while_slack_is_away_marks_nothing(posted: PostedAlerts) -> None:
    with capture_logs() as lines:
        server = SlackServer()
        server.close()
        stop = RecordedStop(after=3)
        alerts = run_bot(server, posted, alert(0), stop=stop)
    assert alerts.done == 0
    assert all("Slack does not answer" in line["event"] for line in lines)


@pytest.mark.parametrize(
    ("token", "channel", "reason"),
    [
        ("xoxb-wrong", CHANNEL, "Slack refuses SLACK_TOKEN: invalid_auth"),
        (TOKEN, "C0WRONG", "Slack refuses slack_channel_id C0WRONG: channel_not_found"),
    ],
)
def test_a_wrong_token_or_channel_is_found_at_start(
    slack: SlackServer, posted: PostedAlerts, token: str, channel: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        run_bot(slack, posted, token=token, channel=channel)
    assert "xoxb" not in str(caught.value)


@pytest.mark.parametrize("error", ["not_in_channel", "is_archived", "token_revoked", "missing_scope"])
def test_what_goes_wrong_for_good_later_ends_the_bot(slack: SlackServer, posted: PostedAlerts, error: str) -> None:
    slack.refusals["chat.postMessage"] = error
    with pytest.raises(SettingsError, match="channels:read" if error == "missing_scope" else error):
        run_bot(slack, posted, alert(0))
    assert not posted.holds(CHANNEL, "alert 0")


def test_a_token_that_may_not_look_at_channels_will_do(slack: SlackServer, posted: PostedAlerts) -> None:
    slack.refusals["conversations.info"] = "missing_scope"
    run_bot(slack, posted, alert(0))
    assert len(slack.messages) == 1
