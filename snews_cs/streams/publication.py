"""What is to be published, and what publishes it; nothing here loads Kafka's libraries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to be published.

    Parameters
    ----------
    url
        The topic, ``kafka://HOST[:PORT]/TOPIC``.
    key
        Kafka key: what has the same key stays in order (of an alert, its ``event_id``).
    payload
        A JSON text, UTF-8; or whatever else a client of format ``blob`` would send.
    message_id
        The message's hop ``_id``, 16 bytes: a repeat carries the same one.
    format
        The message's hop ``_format``: ``blob`` where a client would send a JSON text, or a pickle, as mere bytes.
    """

    url: str
    key: str
    payload: bytes
    message_id: bytes
    format: Literal["json", "blob"] = "json"


class Publisher(Protocol):
    """Publishes (:class:`snews_cs.streams.publisher.AlertPublisher`)."""

    def publish_all(self, publications: Sequence[Publication]) -> None:
        """Write in order, and return when the broker has acknowledged all.

        Raises
        ------
        StreamError
            Why not all were acknowledged. Some may stand: publish all of them again.
        """
