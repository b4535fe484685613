"""What Slack answers, and what the bot makes of it."""

import socket
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import NotTold, NotToldYet, SettingsError
from snews_cs.notify import slack_channel
from snews_cs.notify.slack_channel import SlackChannel, check_patiently
from snews_cs.notify.slack_message import SlackMessage
from tests.notify.conftest import RecordedStop
from tests.support.slack_server import CHANNEL, TOKEN, Fault, SlackServer, permalink

HEADER = {"type": "header", "text": {"type": "plain_text", "text": "Head line"}}
TABLE = {"type": "table", "rows": [[{"type": "raw_text", "text": "cell"}]]}
MESSAGE = SlackMessage("Head line\nthe rest", (HEADER, TABLE))


@pytest.fixture
def channel(slack: SlackServer) -> SlackChannel:
    return SlackChannel(TOKEN, CHANNEL, api_url=slack.url)


def test_a_message_and_its_replies(slack: SlackServer, channel: SlackChannel) -> None:
    ts = channel.post(MESSAGE)
    channel.post(MESSAGE, thread=ts)
    assert [post.thread_ts for post in slack.posts] == [None, ts]
    assert slack.posts[0].blocks == [HEADER, TABLE]
    assert channel.permalink(ts) == permalink(ts)


def test_a_message_is_edited(slack: SlackServer, channel: SlackChannel) -> None:
    ts = channel.post(MESSAGE)
    assert channel.edit(ts, MESSAGE.with_headline("Other <line>"))
    assert slack.posts[0].headline == "Other <line>"
    assert slack.posts[0].text == "Other &lt;line&gt;\nthe rest"
    assert slack.posts[0].edits == [MESSAGE.text]
    assert slack.posts[0].blocks[1] == TABLE


@pytest.mark.parametrize("code", ["edit_window_closed", "message_not_found", "cant_update_message"])
def test_a_message_that_cannot_be_edited_is_left_at_that(slack: SlackServer, channel: SlackChannel, code: str) -> None:
    slack.refusals["chat.update"] = code
    with capture_logs() as lines:
        assert not channel.edit("1.0", MESSAGE)
    assert [line["error"] for line in lines] == [f"Slack refuses: {code}"]


def test_without_the_address_of_a_message_one_does_without(slack: SlackServer, channel: SlackChannel) -> None:
    slack.refusals["chat.getPermalink"] = "message_not_found"
    assert channel.permalink("1.0") is None


def test_what_is_not_taken_as_blocks_is_posted_as_text(slack: SlackServer, channel: SlackChannel) -> None:
    slack.lacks_tables = True
    with capture_logs() as lines:
        channel.post(MESSAGE)
    assert slack.messages == [MESSAGE.text]
    assert slack.posts[0].blocks == []
    assert [line["part"] for line in lines] == ["blocks"]


def test_what_a_closed_thread_does_not_take_goes_into_the_channel(slack: SlackServer, channel: SlackChannel) -> None:
    ts = channel.post(MESSAGE)
    slack.closed_threads.add(ts)
    channel.post(MESSAGE, thread=ts)
    assert [post.thread_ts for post in slack.posts] == [None, None]


@pytest.mark.parametrize("code", ["some_new_reason", "invalid_blocks", "restricted_action_thread_locked"])
def test_a_message_that_slack_never_takes_is_given_up(slack: SlackServer, channel: SlackChannel, code: str) -> None:
    slack.refusals["chat.postMessage"] = code
    with pytest.raises(NotTold, match=f"^Slack refuses: {code}$"):
        channel.post(MESSAGE)


@pytest.mark.parametrize(
    ("fault", "problem", "after_s"),
    [
        (Fault(429, '{"ok": false, "error": "ratelimited"}', retry_after=30), "Slack answers with HTTP status 429", 30),
        (Fault(200, '{"ok": false, "error": "ratelimited"}', retry_after=7), "Slack cannot do it now: ratelimited", 7),
        (Fault(429, retry_after=10**20), "Slack answers with HTTP status 429", 3600),
        (Fault(500, "Internal Server Error"), "Slack answers with HTTP status 500", 0),
        (Fault(503, "<html>a proxy's page</html>"), "Slack answers with HTTP status 503", 0),
        (Fault(200, "<html>a proxy's page</html>"), "Slack cannot do it now", 0),
        (Fault(200, ""), "Slack cannot do it now", 0),
        (Fault(200, '{"ok": false, "error": "fatal_error"}'), "Slack cannot do it now: fatal_error", 0),
        (Fault(200, '{"ok": false, "error": "service_unavailable"}'), "service_unavailable", 0),
        (Fault(200, '{"ok": false, "error": "message_limit_exceeded"}'), "message_limit_exceeded", 0),
        *[
            (Fault(200, body), "^Slack cannot do it now: its answer is no JSON object$", 0)
            for body in ("null", "[]", '[{"ok": true}]', '"ok"', "0", "1")
        ],
        (Fault(502, "[]"), "Slack answers with HTTP status 502", 0),
        (Fault(drop=True), "Slack does not answer", 0),
    ],
)
def test_what_passes_is_to_be_tried_again(
    slack: SlackServer, channel: SlackChannel, fault: Fault, problem: str, after_s: float
) -> None:
    for method in ("chat.postMessage", "chat.update", "chat.getPermalink", "auth.test"):
        slack.fail(method, fault)
    for attempt in (
        lambda: channel.post(MESSAGE),
        lambda: channel.edit("1.0", MESSAGE),
        lambda: channel.permalink("1.0"),
        channel.check,
    ):
        with pytest.raises(NotToldYet, match=problem) as caught:
            attempt()
        assert caught.value.after_s == after_s


@pytest.mark.parametrize("body", ['{"ok": true}', '{"ok": true, "ts": null}'])
def test_what_is_taken_without_a_name_is_in_doubt(slack: SlackServer, channel: SlackChannel, body: str) -> None:
    slack.fail("chat.postMessage", Fault(200, body))
    with pytest.raises(NotToldYet, match=r"^Slack cannot do it now: its answer has no ts$") as caught:
        channel.post(MESSAGE)
    assert caught.value.after_s == 30  # for it may have been posted
    assert channel.post(MESSAGE) == slack.posts[0].ts


def test_an_answer_without_the_address_of_a_message_will_do(slack: SlackServer, channel: SlackChannel) -> None:
    slack.fail("chat.getPermalink", Fault(200, '{"ok": true}'))
    assert channel.permalink("1.0") is None


def test_who_reads_and_does_not_answer_is_not_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_channel, "_TIMEOUT_S", 0.05)
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/api/"
        with pytest.raises(NotToldYet, match="Slack does not answer: timed out") as caught:
            SlackChannel(TOKEN, CHANNEL, api_url=url).post(MESSAGE)
    assert caught.value.after_s == 30  # for it may have been posted


def test_nobody_at_the_address_is_to_be_tried_again() -> None:
    server = SlackServer()
    server.close()
    with pytest.raises(NotToldYet, match="Slack does not answer"):
        SlackChannel(TOKEN, CHANNEL, api_url=server.url).post(MESSAGE)


@pytest.mark.parametrize(
    ("token", "channel_id", "reason"),
    [
        ("xoxb-wrong", CHANNEL, "^Slack refuses SLACK_TOKEN: invalid_auth$"),
        (TOKEN, "C0WRONG", "^Slack refuses slack_channel_id C0WRONG: channel_not_found$"),
    ],
)
def test_a_wrong_token_or_channel_is_found_by_looking(
    slack: SlackServer, token: str, channel_id: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        SlackChannel(token, channel_id, api_url=slack.url).check()
    assert "xoxb" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("not_in_channel", f"slack_channel_id {CHANNEL}: not_in_channel"),
        ("is_archived", f"slack_channel_id {CHANNEL}: is_archived"),
        ("restricted_action", f"slack_channel_id {CHANNEL}: restricted_action"),
        ("token_revoked", "SLACK_TOKEN: token_revoked"),
        ("account_inactive", "SLACK_TOKEN: account_inactive"),
        ("missing_scope", "SLACK_TOKEN lacks the scope channels:read"),
    ],
)
def test_what_is_wrong_for_good_is_named(slack: SlackServer, channel: SlackChannel, code: str, reason: str) -> None:
    for method in ("chat.postMessage", "chat.update"):
        slack.refusals[method] = code
    with pytest.raises(SettingsError, match=reason):
        channel.post(MESSAGE)
    with pytest.raises(SettingsError, match=reason):
        channel.edit("1.0", MESSAGE)


def test_a_token_that_may_not_look_at_channels_will_do(slack: SlackServer, channel: SlackChannel) -> None:
    assert channel.check()
    slack.refusals["conversations.info"] = "missing_scope"
    assert not channel.check()


def test_looking_waits_for_slack(slack: SlackServer, channel: SlackChannel) -> None:
    slack.fail("auth.test", Fault(500), Fault(500), Fault(429, retry_after=20))
    stop = RecordedStop()
    with capture_logs() as lines:
        assert check_patiently(channel, stop)
    assert stop.waits == [line["again_in_s"] for line in lines] == [0.1, 0.2, 20.0]


def test_looking_ends_when_told_to(channel: SlackChannel, slack: SlackServer) -> None:
    slack.fail("auth.test", *[Fault(500)] * 10)
    assert not check_patiently(channel, RecordedStop(after=3), on_trouble=lambda _problem, _again_in_s: None)
    assert slack.requests == ["auth.test"] * 3
