"""What it takes to answer somebody, and to warn somebody."""

from collections.abc import Callable
from dataclasses import dataclass

from snews_cs.heartbeats.feedback.post import Post
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.protocol import StoreReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where those who write to a detector's people sit.

    Parameters
    ----------
    store
        Holds the journal, and the beats.
    registry
        Who may be written to.
    post
        Sends the mails.
    offline_after_ns
        ``HB_OFFLINE_AFTER``, ns.
    now
        Returns the time, TAI ns.
    """

    store: StoreReader
    registry: Registry
    post: Post
    offline_after_ns: Nanoseconds
    now: Callable[[], Nanoseconds]
