"""``run-coincidence --slackbot --email``: from a detector's message to the people, and no way back."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.test_monitoring import page
from tests.streams.conftest import wait_for
from tests.support.mail_server import MailServer, mail_server
from tests.support.server import ServerProcess
from tests.support.slack_server import CHANNEL, TOKEN, SlackServer, permalink, slack_server
from tests.support.system import System, observation

STARTED = "companion started"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server(takes_login=False) as server:
        yield server


def slack_settings(slack: SlackServer) -> dict[str, str]:
    return {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": slack.url}


def publish_pair(system: System, minutes_ago: int = 0, *, topic: str = "experiments") -> None:
    for name in ("JUNO", "XENONnT"):
        system.publish(observation(name, -60.0 * minutes_ago), topic=topic)


def companions(server: ServerProcess, number: int = 1) -> list[int]:
    """Wait until that many were started, and return the numbers of their processes."""

    def started() -> list[int]:
        return [record["pid"] for record in list(server.log) if record["event"] == STARTED]

    wait_for(lambda: len(started()) >= number, 40)
    return started()


def is_there(pid: int) -> bool:
    """Return whether that process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ready(slack: SlackServer, times: int = 1) -> None:
    wait_for(lambda: slack.requests.count("conversations.info") >= times, 40)


def test_people_are_told(system: System, slack: SlackServer, mail: MailServer) -> None:
    settings = {
        **slack_settings(slack),
        "ALERT_EMAILS": "shift@example.org",
        "smtp_server_addr": mail.address,
        "snews_sender_email": "snews@example.org",
    }
    server = system.start(settings, ["--slackbot", "--email"])
    pids = companions(server, 2)
    ready(slack)
    wait_for(lambda: mail.sessions > 0, 40)
    publish_pair(system)
    system.publish(observation("LVD", 1))
    wait_for(lambda: len(slack.posts) == 2, 40)
    wait_for(lambda: len(mail.messages) == 2, 40)
    wait_for(lambda: "chat.update" in slack.requests, 40)
    assert [post.headline for post in slack.posts] == [
        "Supernova alert: 3 detectors coincide now, revision 2 below",
        "Supernova alert updated: 3 detectors coincide now",
    ]
    assert slack.posts[1].thread_ts == slack.posts[0].ts
    assert mail.recipients == ["shift@example.org"] * 2
    assert server.stop() == 0
    assert not any(is_there(pid) for pid in pids)


def test_two_events_that_become_one_are_said_to_be_merged(system: System, slack: SlackServer) -> None:
    server = system.start(slack_settings(slack), ["--slackbot"])
    for name, offset_s in (("JUNO", 0), ("XENONnT", 9), ("IceCube", 10.5), ("JUNO", 0.8)):
        system.publish(observation(name, offset_s))
    wait_for(lambda: any(post.headline.startswith("MERGED") for post in slack.posts if not post.thread_ts), 40)
    stays, merged = sorted(
        (post for post in slack.posts if post.thread_ts is None), key=lambda post: post.headline.startswith("MERGED")
    )
    assert stays.headline == "Supernova alert: 3 detectors coincide now, revision 2 below"
    assert [reply.headline for reply in slack.thread(stays)] == ["Supernova alert updated: 3 detectors coincide now"]
    assert merged.headline == "MERGED: supernova alert, goes on in another event"
    assert permalink(stays.ts) in slack.thread(merged)[0].text
    assert server.stop() == 0


def test_a_bot_that_is_killed_comes_back(system: System, slack: SlackServer) -> None:
    server = system.start(slack_settings(slack), ["--slackbot"])
    ready(slack)
    publish_pair(system)
    server.wait_for("told of an alert")
    os.kill(companions(server)[0], signal.SIGKILL)
    assert server.wait_for("a companion ended: starting it again")["exit_code"] == -signal.SIGKILL
    publish_pair(system, 5)
    ready(slack, 2)
    wait_for(lambda: len(slack.posts) == 2, 40)
    assert server.stop() == 0


def test_a_wrong_token_is_said_once_and_the_server_goes_on(system: System, slack: SlackServer) -> None:
    settings = {**slack_settings(slack), "SLACK_TOKEN": "xoxb-wrong", "MONITORING_ADDRESS": "127.0.0.1:0"}
    server = system.start(settings, ["--slackbot"], wait=False)
    server.wait_for("ALARM: a companion cannot use its settings: it is not started again")
    publish_pair(system)
    assert len(system.alerts(1)) == 1
    assert (
        "run-slack-bot cannot use its settings: it does not run" in json.loads(page(server, "/healthz")[1])["warnings"]
    )
    assert server.stop() == 0
    said = [str(record["event"]) for record in server.log]
    assert said.count("snews_cs: Slack refuses SLACK_TOKEN: invalid_auth") == 1
    assert said.count(STARTED) == 1
    assert "xoxb-wrong" not in server.log_text()


def test_a_slack_that_never_answers_holds_up_neither_alerts_nor_the_end(system: System) -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/api/"
        settings = {"SLACK_TOKEN": TOKEN, "slack_channel_id": CHANNEL, "SLACK_API_URL": url}
        server = system.start(settings, ["--slackbot"])
        (pid,) = companions(server)
        with closing(deaf.accept()[0]):
            publish_pair(system)
            assert len(system.alerts(1)) == 1
            assert server.stop() == 0
        assert not is_there(pid)


def test_a_bot_does_not_outlive_a_server_that_is_killed(system: System, slack: SlackServer) -> None:
    server = system.start(slack_settings(slack), ["--slackbot"])
    (pid,) = companions(server)
    ready(slack)
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not is_there(pid), 40)
    server.kill()


def test_in_a_firedrill_it_is_the_drill_s_alerts(system: System, slack: SlackServer) -> None:
    server = system.start(slack_settings(slack), ["--slackbot", "--firedrill"])
    ready(slack)
    publish_pair(system, topic="experiments-firedrill")
    wait_for(lambda: slack.posts, 40)
    assert slack.posts[0].headline == "FIREDRILL, supernova alert: 2 detectors coincide"
    assert "<!here>" not in slack.posts[0].first_text
    assert server.stop() == 0
