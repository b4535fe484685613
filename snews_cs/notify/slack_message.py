"""An alert as a message of Slack's Block Kit, and what becomes of it later.

The limits are those of https://docs.slack.dev/reference/block-kit/blocks: 150 characters in a header, 3,000 in a
section, 100 rows in a table, one table in a message. Notifications, and who has a message read out, get its text.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from snews_cs.notify.wording import (
    MEMBER_COLUMNS,
    PublishedAlert,
    alert_in_words,
    false_alarm_rate_in_words,
    headline,
    lateness_in_words,
    members_of,
    origin,
    remarks,
)

LONGEST_TEXT = 3900
"""Slack takes 4,000 characters."""

LONGEST_HEADER = 150
LONGEST_PARAGRAPH = 3000
MOST_MEMBERS = 99

HERE = "<!here>"
"""Rings for everybody in the channel who is there."""

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message.

    Parameters
    ----------
    text
        All of it in words, in Slack's mrkdwn.
    blocks
        How it is shown, in Block Kit: the first one is its head line.
    """

    text: str
    blocks: tuple[Block, ...]

    def with_headline(self, line: str) -> "SlackMessage":
        """Return the same message under another head line (plain text)."""
        _, _, rest = self.text.partition("\n")
        return SlackMessage(f"{escaped(line)}\n{rest}"[:LONGEST_TEXT], (_header(line), *self.blocks[1:]))

    def to_json(self) -> str:
        """Return it as a JSON text."""
        return json.dumps({"text": self.text, "blocks": self.blocks})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back."""
        content = json.loads(text)
        return cls(content["text"], tuple(content["blocks"]))


def alert_message(alert: PublishedAlert, *, link: str, firedrill: bool = False, now_unix_ns: int) -> SlackMessage:
    """Return the message that tells of an alert; for a real INITIAL it rings, unless it is late.

    Parameters
    ----------
    alert
        The alert.
    link
        Where to read on: ``https://...``.
    firedrill
        Whether it comes from the topic of firedrills.
    now_unix_ns
        When it is posted, POSIX time, ns.
    """
    late = lateness_in_words(alert, "message", now_unix_ns)
    rings = alert.kind == "INITIAL" and not alert.is_test and not firedrill and not late
    text = escaped(alert_in_words(alert, firedrill=firedrill))
    first, _, rest = text.partition("\n")
    paragraph = []
    if rings:
        text = f"{first} {HERE}\n{rest}"
        paragraph.append(HERE)
    if late:
        text = f"{first}\n{late}\n{rest}"
        paragraph.append(late)
    if alert.kind != "RETRACTION":
        paragraph.append(escaped(false_alarm_rate_in_words(alert)))
    blocks = [_header(headline(alert, firedrill=firedrill))]
    if paragraph:
        blocks.append(_section(" ".join(paragraph)))
    blocks.append(_table(alert))
    if said := remarks(alert):
        blocks.append(_section("\n".join(f"\N{BULLET} {escaped(remark)}" for remark in said)))
    blocks.append(_context(f"{escaped(origin(alert))} \N{MIDDLE DOT} <{link}|More>"))
    return SlackMessage(text[:LONGEST_TEXT], tuple(blocks))


def merged_message(alert: PublishedAlert, *, line: str, permalink: str | None) -> SlackMessage:
    """Return what is said in the thread of an event that an alert takes the place of.

    Parameters
    ----------
    alert
        The alert of the event that remains.
    line
        The head line.
    permalink
        Address of that event's first message in Slack, if it is known.
    """
    event = escaped(alert.event_id)
    there = f"<{permalink}|event {event}>" if permalink else f"event {event}"
    sentence = f"Its observations count in {there} now; nothing more is said here."
    return SlackMessage(f"{escaped(line)}\n{sentence}"[:LONGEST_TEXT], (_header(line), _section(sentence)))


def escaped(text: str) -> str:
    """Make Slack show ``&``, ``<`` and ``>`` instead of reading them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(line: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": line[:LONGEST_HEADER], "emoji": False}}


def _section(mrkdwn: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn[:LONGEST_PARAGRAPH], "verbatim": True}}


def _context(mrkdwn: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn[:LONGEST_PARAGRAPH], "verbatim": True}]}


def _table(alert: PublishedAlert) -> Block:
    rows = [MEMBER_COLUMNS, *members_of(alert)[:MOST_MEMBERS]]
    return {
        "type": "table",
        "column_settings": [{"align": "left"}, {"align": "left"}, {"align": "right"}, {"align": "right"}],
        "rows": [[{"type": "raw_text", "text": cell or "?"} for cell in row] for row in rows],
    }
