"""What stands at the end of a topic of alerts."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from snews_cs.errors import AccessDenied, BrokerUnreachable, MessageRefused, TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.alerts import json_object
from snews_cs.streams.reader import Reader
from snews_cs.streams.session import ReadFrom

log = structlog.get_logger(__name__)


OPEN_S = 15.0
"""How long to try to open the topic, s: a broker that takes 0.5 s to hear and 0.5 s to be heard needs most of it."""

READ_S = 5.0
"""How long to read it then, s."""


def read_tail(
    url: str,
    limit: int,
    *,
    auth: bool,
    since: datetime | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Return those of the last ``limit`` records of a topic that are JSON objects.

    What is not reached in :data:`READ_S` is left out. Of a topic that may not be read all is: who may write alerts, but
    not read them, must not wait with them for that. The log says so.

    Parameters
    ----------
    url
        ``kafka://HOST[:PORT]/TOPIC``.
    auth
        Whether to log in with the credentials of hop's ``auth.toml``.
    since
        Leave out what has an earlier Kafka timestamp; None to leave out nothing.
    stopping
        Asked now and then; once it is true no more time is spent.

    Raises
    ------
    BrokerUnreachable
        If the topic cannot be opened; nothing stands on one that does not exist.
    """
    source = ReadFrom(address=TopicAddress.parse(url), auth=auth, group_id=None, since=since, until_end=True)
    records: deque[RawMessage] = deque(maxlen=limit)
    reader = Reader(source)
    try:
        was_open, deadline = False, time.monotonic() + OPEN_S
        while not reader.exhausted and not isinstance(reader.problem, TopicMissing):
            if isinstance(reader.problem, AccessDenied):
                log.warning("alerts may be repeated: their topic cannot be read", topic=url, error=str(reader.problem))
                return []
            if reader.problem is not None:
                raise reader.problem
            if reader.is_open and not was_open:
                was_open, deadline = True, time.monotonic() + READ_S
            is_late = time.monotonic() > deadline
            if stopping() or (is_late and not was_open):
                raise BrokerUnreachable(f"broker {source.address.brokers} does not answer in time")
            if is_late:
                log.warning("the end of a topic was not reached in time", topic=url)
                break
            records.extend(arrival.record for arrival in reader.take(0.1, 1000))
    finally:
        reader.close()
    objects = []
    for record in records:
        with suppress(MessageRefused):  # whatever else stands on the topic is no alert
            objects.append(json_object(record))
    return objects
