"""What stands at the end of a topic of alerts."""

import time
from collections import deque
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from snews_cs.errors import BrokerUnreachable, MessageRefused, TopicMissing
from snews_cs.messages.raw import RawMessage
from snews_cs.streams.address import TopicAddress
from snews_cs.streams.alerts import json_object
from snews_cs.streams.reader import Reader
from snews_cs.streams.session import ReadFrom

log = structlog.get_logger(__name__)


def read_tail(
    url: str, limit: int, *, auth: bool, since: datetime | None = None, timeout_s: float = 5.0
) -> list[dict[str, Any]]:
    """Return those of the last ``limit`` records of a topic that are JSON objects.

    Parameters
    ----------
    url
        ``kafka://HOST[:PORT]/TOPIC``.
    auth
        Whether to log in with the credentials of hop's ``auth.toml``.
    since
        Leave out what has an earlier Kafka timestamp; None to leave out nothing.
    timeout_s
        How long to read; what comes later on the topic is left out then, and the log says so.

    Raises
    ------
    BrokerUnreachable, AccessDenied
        If the topic cannot be opened; nothing stands on one that does not exist.
    """
    source = ReadFrom(address=TopicAddress.parse(url), auth=auth, group_id=None, since=since, until_end=True)
    deadline = time.monotonic() + timeout_s
    records: deque[RawMessage] = deque(maxlen=limit)
    reader = Reader(source)
    try:
        while not reader.exhausted:
            left_s = deadline - time.monotonic()
            if isinstance(reader.problem, TopicMissing):
                break
            if reader.problem is not None:
                raise reader.problem
            if left_s <= 0 and not reader.is_open:
                raise BrokerUnreachable(f"broker {source.address.brokers} does not answer in {timeout_s:g} s")
            if left_s <= 0:
                log.warning("the end of a topic was not reached in time", topic=url)
                break
            records.extend(arrival.record for arrival in reader.take(min(left_s, 0.1), 1000))
    finally:
        reader.close()
    objects = []
    for record in records:
        with suppress(MessageRefused):  # whatever else stands on the topic is no alert
            objects.append(json_object(record))
    return objects
