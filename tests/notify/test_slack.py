"""Each alert is told in Slack once, where it belongs, whatever Slack is like that day."""

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from snews_cs.errors import SettingsError
from snews_cs.notify.deliveries import STORE_PATIENCE_S, Deliveries
from snews_cs.notify.slack import SlackThread
from snews_cs.notify.slack_channel import SlackChannel
from snews_cs.notify.teller import Teller
from tests.notify.conftest import BEGAN_MS, Clock, ListedAlerts, NotesThatMayBeAway, RecordedStop, alert
from tests.support.slack_server import CHANNEL, TOKEN, Fault, Post, SlackServer, permalink

E1, E2, E3 = "event-1", "event-2", "event-3"
HALF_PAST_TWELVE_NS = int(datetime(2026, 11, 21, 12, 30, tzinfo=UTC).timestamp()) * 10**9


class Bot:
    """A bot in a channel; each run is a new one, which knows what was noted."""

    def __init__(self, slack: SlackServer, notes: NotesThatMayBeAway) -> None:
        self.slack = slack
        self.notes = notes
        self.clock = Clock()
        self._holders = 0

    @property
    def now_unix_ns(self) -> int:
        """POSIX time, ns: half past twelve at first."""
        return HALF_PAST_TWELVE_NS + round((self.clock.now - Clock().now) * 10**9)

    def run(self, *contents: dict[str, object], stop_after: int = 1000, firedrill: bool = False) -> ListedAlerts:
        """Let a bot read these alerts."""
        self._holders += 1
        stop = RecordedStop(self.clock, after=stop_after)
        alerts = ListedAlerts(stop, self.clock, contents, most_batches=stop_after)
        deliveries = Deliveries(self.notes, holder=str(self._holders), monotonic=self.clock)
        channel = SlackChannel(TOKEN, CHANNEL, api_url=self.slack.url)
        recipient = SlackThread(
            channel, deliveries, link="https://snews2.org", firedrill=firedrill, clock=lambda: self.now_unix_ns
        )
        Teller(
            alerts, [recipient], deliveries, topic="t", began_unix_ms=BEGAN_MS, stop=stop, monotonic=self.clock
        ).run()
        return alerts

    @property
    def heads(self) -> list[Post]:
        """The messages in the channel that are no replies."""
        return [post for post in self.slack.posts if post.thread_ts is None]

    def told(self) -> list[tuple[str, list[str]]]:
        """Return each head line, and those of what stands below it."""
        return [(head.headline, [reply.headline for reply in self.slack.thread(head)]) for head in self.heads]


@pytest.fixture
def bot(slack: SlackServer, notes: NotesThatMayBeAway) -> Bot:
    return Bot(slack, notes)


def revision(event_id: str, number: int, alert_type: str = "UPDATE", **changes: Any) -> dict[str, Any]:
    return alert(
        0, event_id=event_id, revision=number, alert_type=alert_type, alert_uuid=f"{event_id}.{number}", **changes
    )


INITIAL_1 = revision(E1, 1, "INITIAL")
THREE: dict[str, Any] = {
    "detector_names": ["Super-K", "LZ", "JUNO"],
    "neutrino_times": ["2026-11-21T12:30:00Z", "2026-11-21T12:30:01Z", "2026-11-21T12:30:09Z"],
    "p_values": [0.01, 0.02, 0.03],
}


def test_updates_and_the_retraction_go_into_the_thread_of_their_event_and_edit_its_head_line(bot: Bot) -> None:
    bot.run(INITIAL_1, revision(E2, 1, "INITIAL"), revision(E1, 2, **THREE))
    assert bot.told() == [
        (
            "Supernova alert: 3 detectors coincide now, revision 2 below",
            ["Supernova alert updated: 3 detectors coincide now"],
        ),
        ("Supernova alert: 2 detectors coincide", []),
    ]
    bot.run(revision(E1, 3, "RETRACTION", **THREE))
    assert bot.told()[0] == (
        "WITHDRAWN: supernova alert, the coincidence no longer stands",
        [
            "Supernova alert updated: 3 detectors coincide now",
            "Supernova alert WITHDRAWN: the coincidence no longer stands",
        ],
    )
    head = bot.heads[0]
    assert [block["type"] for block in head.blocks] == ["header", "section", "table", "context"]
    assert len(head.blocks[2]["rows"]) == 3  # the rest of it is as it was posted
    assert len(head.edits) == 2
    assert bot.told()[1] == ("Supernova alert: 2 detectors coincide", [])


def test_merged_is_said_as_merged_in_both_threads(bot: Bot) -> None:
    bot.run(INITIAL_1, revision(E2, 1, "INITIAL"), revision(E1, 2, merged_event_ids=[E2]))
    assert bot.told() == [
        (
            "Supernova alert: 2 detectors coincide now, revision 2 below",
            ["Supernova alert updated: 2 detectors coincide now"],
        ),
        (
            "MERGED: supernova alert, goes on in another event",
            ["MERGED: supernova alert, goes on in another event"],
        ),
    ]
    update, farewell = bot.slack.posts[2], bot.slack.posts[3]
    assert f"Merged: takes the place of 1 event, {E2}" in update.text
    assert f"<{permalink(bot.heads[0].ts)}|event {E1}>" in farewell.text
    assert "<!here>" not in update.text + farewell.text


def test_an_initial_alert_takes_the_place_of_others_too(bot: Bot) -> None:
    bot.run(INITIAL_1, revision(E2, 1, "INITIAL"), revision(E3, 1, "INITIAL", merged_event_ids=[E1, E2]))
    assert [line for line, _ in bot.told()] == [
        "MERGED: supernova alert, goes on in another event",
        "MERGED: supernova alert, goes on in another event",
        "Supernova alert: 2 detectors coincide",
    ]
    assert all(f"<{permalink(bot.heads[2].ts)}|event {E3}>" in bot.slack.thread(head)[0].text for head in bot.heads[:2])


def test_an_event_that_was_never_told_of_begins_where_it_is_heard_of(bot: Bot) -> None:
    bot.run(revision(E1, 2, merged_event_ids=["unknown"]), revision(E1, 3))
    assert bot.told() == [
        (
            "Supernova alert: 2 detectors coincide now, revision 3 below",
            ["Supernova alert updated: 2 detectors coincide now"],
        )
    ]
    assert not any("<!here>" in post.first_text for post in bot.slack.posts)


def test_each_alert_is_posted_once(bot: Bot) -> None:
    update = revision(E1, 2)
    alerts = bot.run(INITIAL_1, INITIAL_1, update, INITIAL_1, update)
    bot.run(INITIAL_1, update)
    assert len(bot.slack.posts) == 2
    assert len(bot.heads[0].edits) == 1
    assert alerts.done == 5
    assert bot.notes.get(f"receipt/slack {CHANNEL}/{E1}.1/message") == bot.heads[0].ts
    assert bot.notes.get(f"receipt/slack {CHANNEL}/{E1}.1/head line") is None  # nothing to be edited yet


def test_only_a_real_initial_rings(bot: Bot) -> None:
    bot.run(INITIAL_1, revision(E1, 2), revision(E2, 1, "TEST INITIAL"))
    bot.run(revision(E3, 1, "INITIAL"), firedrill=True)
    texts = [post.first_text for post in bot.slack.posts]
    assert ["<!here>" in text for text in texts] == [True, False, False, False]
    assert [line for line, _ in bot.told()][1:] == [
        "TEST, supernova alert: 2 detectors coincide",
        "FIREDRILL, supernova alert: 2 detectors coincide",
    ]


def test_what_was_held_up_by_an_outage_says_so_and_does_not_ring(bot: Bot) -> None:
    bot.clock.now += 500
    bot.run(revision(E1, 1, "INITIAL", sent_time_utc="2026-11-21T12:30:00Z"))
    bot.slack.fail("chat.postMessage", Fault(429, retry_after=300))
    bot.run(revision(E2, 1, "INITIAL", sent_time_utc="2026-11-21T12:30:00Z"))
    assert ["<!here>" in post.first_text for post in bot.slack.posts] == [True, False]
    assert bot.slack.posts[1].first_text.splitlines()[1] == "This message is late: the alert is of 13 minutes ago."


def test_rate_limits_and_outages_are_waited_out(bot: Bot) -> None:
    bot.slack.fail("chat.postMessage", Fault(429, retry_after=30), Fault(503), Fault(500))
    bot.slack.fail("chat.update", Fault(429, retry_after=60), Fault(200, ""))
    began = bot.clock.now
    with capture_logs() as lines:
        bot.run(INITIAL_1, revision(E1, 2))
    waits = [line["again_in_s"] for line in lines if line["log_level"] == "warning"]
    assert waits[0] == 30
    assert waits[3] == 60
    assert bot.clock.now - began >= sum(waits)
    assert len(bot.slack.posts) == 2
    assert bot.heads[0].headline.endswith("revision 2 below")


def test_what_an_answer_was_lost_to_is_posted_again(bot: Bot) -> None:
    bot.slack.fail("chat.postMessage", Fault(drop=True))
    bot.run(INITIAL_1)
    assert len(bot.slack.posts) == 2  # who lost the answer cannot know


def test_a_bot_that_is_stopped_during_an_outage_leaves_the_rest_to_the_next_one(bot: Bot) -> None:
    bot.slack.fail("chat.postMessage", *[Fault(503)] * 1000)
    alerts = bot.run(INITIAL_1, stop_after=40)
    assert alerts.done == 0
    bot.slack.faults.clear()
    began = bot.clock.now
    bot.run(INITIAL_1)
    assert len(bot.slack.posts) == 1
    assert bot.clock.now - began < 1  # what it had begun, it left


def test_what_goes_wrong_for_good_ends_the_bot(bot: Bot) -> None:
    bot.slack.refusals["chat.postMessage"] = "not_in_channel"
    with pytest.raises(SettingsError, match=f"Slack refuses slack_channel_id {CHANNEL}: not_in_channel"):
        bot.run(INITIAL_1)
    bot.slack.refusals.clear()
    bot.run(INITIAL_1)
    assert len(bot.slack.posts) == 1


@pytest.mark.parametrize("code", ["some_new_error", "invalid_blocks", "msg_too_long"])
def test_one_message_that_slack_never_takes_is_said_and_holds_up_nothing(bot: Bot, code: str) -> None:
    bot.slack.refusals["chat.postMessage"] = code
    with capture_logs() as lines:
        alerts = bot.run(INITIAL_1)
    bot.slack.refusals.clear()
    bot.run(INITIAL_1, revision(E2, 1, "INITIAL"))
    assert alerts.done == 1
    assert bot.told() == [("Supernova alert: 2 detectors coincide", [])]
    assert f"Event {E2}" in bot.heads[0].text
    assert bot.notes.get(f"receipt/slack {CHANNEL}/{E1}.1/message") == f"refused: Slack refuses: {code}"
    [error] = [line for line in lines if line["log_level"] == "error"]
    assert (error["alert_uuid"], error["event_id"]) == (f"{E1}.1", E1)
    assert code in error["reason"]
    assert "told of an alert" not in [line["event"] for line in lines]


def test_a_head_line_that_cannot_be_edited_holds_up_nothing(bot: Bot) -> None:
    bot.slack.refusals["chat.update"] = "edit_window_closed"
    with capture_logs() as lines:
        bot.run(INITIAL_1, revision(E1, 2), revision(E1, 3))
    told = [line["delivery"] for line in lines if line["event"] == "told of an alert"]
    assert told == [f"slack {CHANNEL}/{E1}.{number}/message" for number in (1, 2, 3)]
    assert bot.told() == [
        ("Supernova alert: 2 detectors coincide", ["Supernova alert updated: 2 detectors coincide now"] * 2)
    ]


def test_without_the_store_alerts_are_told_and_find_their_thread_again(bot: Bot) -> None:
    class CutOff(NotesThatMayBeAway):
        def get(self, name: str) -> str | None:
            self.away = self.away or (name.endswith(f"{E1}.2/message") and name.startswith("receipt/"))
            return super().get(name)

    bot.notes = CutOff(bot.notes)
    began = bot.clock.now
    bot.run(INITIAL_1, revision(E1, 2), revision(E2, 1, "INITIAL"))
    assert STORE_PATIENCE_S <= bot.clock.now - began < STORE_PATIENCE_S + 10
    assert bot.told() == [
        (
            "Supernova alert: 2 detectors coincide now, revision 2 below",
            ["Supernova alert updated: 2 detectors coincide now"],
        ),
        ("Supernova alert: 2 detectors coincide", []),
    ]


def test_a_new_bot_without_the_store_posts_outside_of_the_thread_rather_than_not_at_all(bot: Bot) -> None:
    bot.run(INITIAL_1)

    class AwayOnceBegun(NotesThatMayBeAway):
        def get(self, name: str) -> str | None:
            self.away = not name.startswith("began/")
            return super().get(name)

    bot.notes = AwayOnceBegun(bot.notes)
    bot.run(revision(E1, 2))
    assert [line for line, _ in bot.told()] == [
        "Supernova alert: 2 detectors coincide",
        "Supernova alert updated: 2 detectors coincide now",
    ]


def test_the_bots_of_two_sites_post_each_alert_once_and_in_order(
    bot: Bot, slack: SlackServer, notes: NotesThatMayBeAway
) -> None:
    """One is stopped after each alert, and the other reads all again."""
    other = Bot(slack, notes)
    other._holders = 100
    updates = [revision(E1, number) for number in range(2, 8)]
    for seen in range(1, len(updates) + 1):
        (bot if seen % 2 else other).run(INITIAL_1, *updates[:seen])
    assert len(slack.posts) == 7
    assert bot.told()[0][0].endswith("revision 7 below")
