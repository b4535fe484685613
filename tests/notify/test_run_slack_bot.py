"""The command, as installed, from an alert topic to Slack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from snews_cs.broker.process import BrokerProcess
from snews_cs.storage.open import open_notes
from tests.notify.conftest import alert
from tests.streams.conftest import produce, wait_for
from tests.support.slack_server import CHANNEL, TOKEN, SlackServer

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


@pytest.fixture
def environment(broker: BrokerProcess, topic: str, slack: SlackServer, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_SERVER": f"sqlite:///{tmp_path / 'snews_cs.sqlite'}",
        "SERVER_TAG": "here",
        "ALERT_TOPIC": broker.url(topic),
        "HOP_AUTH": "false",
        "CONSUMER_GROUP": topic,
        "SLACK_TOKEN": TOKEN,
        "slack_channel_id": CHANNEL,
        "SLACK_API_URL": slack.url,
    }


def started(environment: dict[str, str], *options: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    """Start the command."""
    return subprocess.Popen(
        [SNEWS_CS, "run-slack-bot", *options],
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(environment: dict[str, str], *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command; at the end it is told to stop, and must do so well."""
    process = started(environment, *options)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
        assert TOKEN not in output
    finally:
        process.kill()
        process.communicate()


def publish(broker: BrokerProcess, topic: str, *contents: dict[str, object]) -> None:
    produce(broker.plain_address, topic, *(json.dumps(content).encode() for content in contents))


def event(number: int, revision: int, alert_type: str, **changes: Any) -> dict[str, object]:
    return alert(
        event_id=f"event {number}",
        alert_uuid=f"{number}.{revision}",
        revision=revision,
        alert_type=alert_type,
        **changes,
    )


def told(slack: SlackServer) -> list[tuple[str, list[str]]]:
    """Return the head line of each message in the channel, and those in its thread."""
    heads = [post for post in slack.posts if post.thread_ts is None]
    return [(head.headline, [reply.headline for reply in slack.thread(head)]) for head in heads]


def test_an_event_is_told_of_from_its_beginning_to_its_end_over_restarts(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str]
) -> None:
    publish(broker, topic, event(0, 1, "INITIAL"))
    with running(environment):
        wait_for(lambda: "conversations.info" in slack.requests)
        publish(broker, topic, event(1, 1, "INITIAL"), event(1, 1, "INITIAL"))
        wait_for(lambda: slack.posts)
        assert "<!here>" in slack.posts[0].first_text
    publish(broker, topic, event(1, 1, "INITIAL"), event(1, 2, "UPDATE"), event(2, 1, "INITIAL"))
    with running(environment):
        publish(broker, topic, event(1, 3, "UPDATE", merged_event_ids=["event 2"]))
        wait_for(lambda: "chat.getPermalink" in slack.requests)
    publish(broker, topic, event(1, 4, "RETRACTION"))
    with running(environment):
        wait_for(lambda: told(slack)[0][0].startswith("WITHDRAWN"))
    assert told(slack) == [
        (
            "WITHDRAWN: supernova alert, the coincidence no longer stands",
            [
                "Supernova alert updated: 2 detectors coincide now",
                "Supernova alert updated: 2 detectors coincide now",
                "Supernova alert WITHDRAWN: the coincidence no longer stands",
            ],
        ),
        (
            "MERGED: supernova alert, goes on in another event",
            ["MERGED: supernova alert, goes on in another event"],
        ),
    ]


def test_two_sites_post_each_alert_once(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str]
) -> None:
    there = environment | {"SERVER_TAG": "there", "CONSUMER_GROUP": f"{topic}-there"}
    with running(environment), running(there):
        wait_for(lambda: slack.requests.count("conversations.info") == 2)
        publish(broker, topic, *(event(number, 1, "INITIAL") for number in range(20)))
        wait_for(lambda: len(slack.posts) >= 20)
        publish(broker, topic, event(99, 1, "INITIAL"))
        wait_for(lambda: any("event 99" in post.text for post in slack.posts))
    assert [post.text.partition("Event ")[2].partition(",")[0] for post in slack.posts] == [
        f"event {number}" for number in (*range(20), 99)
    ]


def test_a_bot_that_was_killed_goes_on(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str]
) -> None:
    for number in range(3):
        process = started(environment)
        try:
            wait_for(lambda: slack.requests.count("conversations.info") == number + 1)  # noqa: B023
            publish(broker, topic, event(number, 1, "INITIAL"))
            wait_for(lambda: f"event {number}" in "".join(slack.messages))  # noqa: B023
            wait_for(lambda: notes(environment, f"receipt/slack {CHANNEL}/{number}.1/message"))  # noqa: B023
        finally:
            process.kill()
            process.communicate()
    assert len(slack.posts) == 3


def notes(environment: dict[str, str], name: str) -> str | None:
    with closing(open_notes(environment["DATABASE_SERVER"])) as opened:
        return opened.get(name)


def test_with_test_the_alerts_of_tests_are_posted_instead(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str]
) -> None:
    environment |= {"CONNECTION_TEST_TOPIC": broker.url(topic), "ALERT_TOPIC": broker.url("never-read")}
    with running(environment, "--test"):
        wait_for(lambda: "conversations.info" in slack.requests)
        publish(broker, topic, {"id": "0_test-connection"}, alert(0, alert_type="TEST INITIAL"))
        wait_for(lambda: slack.posts)
    assert slack.posts[0].headline == "TEST, supernova alert: 2 detectors coincide"


def test_with_firedrill_the_alerts_of_a_drill_are_posted_instead(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"FIREDRILL_ALERT_TOPIC": broker.url(topic), "ALERT_TOPIC": broker.url("never-read")}
    with running(environment, "--firedrill"):
        wait_for(lambda: "conversations.info" in slack.requests)
        publish(broker, topic, alert(0))
        wait_for(lambda: slack.posts)
    assert slack.posts[0].headline == "FIREDRILL, supernova alert: 2 detectors coincide"
    assert "<!here>" not in slack.posts[0].text
    assert (tmp_path / "snews_cs-firedrill-notes.sqlite").exists()


def test_a_companion_ends_with_the_server_that_started_it(environment: dict[str, str], slack: SlackServer) -> None:
    process = started(environment, "--companion=1700000000000", stdin=subprocess.PIPE)
    try:
        wait_for(lambda: "conversations.info" in slack.requests)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"SLACK_TOKEN": "xoxb-wrong-one"}, "snews_cs: Slack refuses SLACK_TOKEN: invalid_auth"),
        ({"slack_channel_id": "C0"}, "snews_cs: Slack refuses slack_channel_id C0: channel_not_found"),
        ({"SLACK_TOKEN": ""}, "snews_cs: SLACK_TOKEN and slack_channel_id are needed to post to Slack"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    environment: dict[str, str], changes: dict[str, str], line: str
) -> None:
    done = subprocess.run(
        [SNEWS_CS, "run-slack-bot"], env=environment | changes, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [line]
    assert done.stdout == ""
