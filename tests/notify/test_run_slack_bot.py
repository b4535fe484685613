"""The command, as installed, from an alert topic to Slack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snews_cs.broker.process import BrokerProcess
from tests.notify.conftest import alert
from tests.streams.conftest import produce, wait_for
from tests.support.slack_server import CHANNEL, TOKEN, SlackServer

SNEWS_CS = Path(sys.executable).with_name("snews_cs")


@pytest.fixture
def environment(broker: BrokerProcess, topic: str, slack: SlackServer, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "ALERT_TOPIC": broker.url(topic),
        "HOP_AUTH": "false",
        "CONSUMER_GROUP": topic,
        "SLACK_TOKEN": TOKEN,
        "slack_channel_id": CHANNEL,
        "SLACK_API_URL": slack.url,
    }


@contextmanager
def running(environment: dict[str, str], *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command; at the end it is told to stop, and must do so well."""
    process = subprocess.Popen(
        [SNEWS_CS, "run-slack-bot", *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
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


def test_alerts_are_posted_once_over_restarts(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str]
) -> None:
    publish(broker, topic, alert(0))
    with running(environment):
        wait_for(lambda: "conversations.info" in slack.requests)
        publish(broker, topic, alert(1), alert(1))
        wait_for(lambda: slack.messages)
    publish(broker, topic, alert(1), alert(2, alert_type="RETRACTION"))
    with running(environment):
        wait_for(lambda: len(slack.messages) > 1)
    assert [message.splitlines()[0] for message in slack.messages] == [
        "*Supernova alert: 2 detectors coincide*",
        "*Supernova alert withdrawn: the coincidence no longer stands*",
    ]


def test_with_test_the_alerts_of_tests_are_posted_instead(
    broker: BrokerProcess, topic: str, slack: SlackServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"CONNECTION_TEST_TOPIC": broker.url(topic), "ALERT_TOPIC": broker.url("never-read")}
    notes = tmp_path / "elsewhere.sqlite"
    with running(environment, "--test", "--notes", str(notes)):
        wait_for(lambda: "conversations.info" in slack.requests)
        publish(broker, topic, {"id": "0_test-connection"}, alert(0, alert_type="TEST INITIAL"))
        wait_for(lambda: slack.messages)
    assert slack.messages[0].startswith("*TEST, supernova alert")
    assert notes.exists()


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
