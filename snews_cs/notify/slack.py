"""Slack: a message for each event, and in its thread what becomes of it."""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog

from snews_cs.errors import NotTold, StorageError
from snews_cs.notify.deliveries import Deliveries
from snews_cs.notify.slack_channel import SlackChannel
from snews_cs.notify.slack_message import SlackMessage, alert_message, merged_message
from snews_cs.notify.teller import Delivery
from snews_cs.notify.wording import PublishedAlert, headline_of_event, headline_of_merged

log = structlog.get_logger(__name__)


class SlackThread:
    """A channel that is told of alerts (a :class:`snews_cs.notify.teller.Recipient`).

    The first alert of an event that is told becomes a message in the channel. What follows, updates and a retraction,
    goes into its thread, and its head line is edited. If the event goes on in another one, that is said there, too.
    The message and its name in Slack are remembered for each event, so that any site's bot, after any restart, goes on.
    A message that Slack refuses for good is logged as an error and left at that: it does not hold up what comes later.

    Parameters
    ----------
    channel
        The channel.
    deliveries
        What is remembered.
    link
        Where to read on, for whoever reads an alert: ``https://...``.
    firedrill
        Whether the alerts come from the topic of firedrills.
    clock
        Returns POSIX time, ns.
    """

    def __init__(
        self,
        channel: SlackChannel,
        deliveries: Deliveries,
        *,
        link: str,
        firedrill: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._channel = channel
        self._deliveries = deliveries
        self._link = link
        self._firedrill = firedrill
        self._clock = clock

    @property
    def name(self) -> str:
        """Who it is."""
        return f"slack {self._channel.channel_id}"

    def deliveries(self, alert: PublishedAlert, content: dict[str, Any]) -> Sequence[Delivery]:  # noqa: ARG002
        """Return what is to be done: a message, the head line; and of each event merged into this one the same."""
        steps = [Delivery("message", partial(self._post, alert))]
        if alert.kind != "INITIAL":
            steps.append(Delivery("head line", partial(self._edit_head, alert)))
        for event in alert.merged_event_ids:
            steps.append(Delivery(f"merged {event}", partial(self._post_merged, alert, event)))
            steps.append(Delivery(f"head line {event}", partial(self._edit_merged, alert, event)))
        return steps

    def _post(self, alert: PublishedAlert) -> str:
        head = self._head(alert.event_id)
        message = alert_message(alert, link=self._link, firedrill=self._firedrill, now_unix_ns=self._clock())
        ts = self._posted(alert, message, head)
        if head is None:
            self._deliveries.remember(self._thread(alert.event_id), _Head(ts, alert.alert_uuid, message).to_json())
        return ts

    def _edit_head(self, alert: PublishedAlert) -> str:
        head = self._head(alert.event_id)
        if head is None or head.alert_uuid == alert.alert_uuid:
            return "no need"
        return self._edit(head, headline_of_event(alert, firedrill=self._firedrill))

    def _post_merged(self, alert: PublishedAlert, event_id: str) -> str:
        head, heir = self._head(event_id), self._head(alert.event_id)
        if head is None:
            return "never told of"
        permalink = self._channel.permalink(heir.ts) if heir else None
        line = headline_of_merged(alert, firedrill=self._firedrill)
        return self._posted(alert, merged_message(alert, line=line, permalink=permalink), head)

    def _edit_merged(self, alert: PublishedAlert, event_id: str) -> str:
        head = self._head(event_id)
        if head is None:
            return "never told of"
        return self._edit(head, headline_of_merged(alert, firedrill=self._firedrill))

    def _posted(self, alert: PublishedAlert, message: SlackMessage, head: "_Head | None") -> str:
        try:
            return self._channel.post(message, thread=head.ts if head else None)
        except NotTold as error:
            log.error(
                "an alert cannot be posted", alert_uuid=alert.alert_uuid, event_id=alert.event_id, reason=str(error)
            )
            raise

    def _edit(self, head: "_Head", line: str) -> str:
        if not self._channel.edit(head.ts, head.message.with_headline(line)):
            raise NotTold("not edited")
        return "edited"

    def _head(self, event_id: str) -> "_Head | None":
        try:
            text = self._deliveries.recall(self._thread(event_id))
        except StorageError as error:
            log.warning("the thread of an event is not known now", event_id=event_id, error=str(error))
            return None
        return None if text is None else _Head.from_json(text)

    def _thread(self, event_id: str) -> str:
        return f"thread/{self.name}/{event_id}"


class _Head(NamedTuple):
    """The first message of an event: Slack's name for it, the alert that it told of, and the message."""

    ts: str
    alert_uuid: str
    message: SlackMessage

    def to_json(self) -> str:
        return json.dumps({"ts": self.ts, "alert_uuid": self.alert_uuid, "message": self.message.to_json()})

    @classmethod
    def from_json(cls, text: str) -> "_Head":
        content = json.loads(text)
        return cls(content["ts"], content["alert_uuid"], SlackMessage.from_json(content["message"]))
