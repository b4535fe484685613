"""What an embedded broker is told when it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
"""The only address that the broker listens on."""


@dataclass(frozen=True)
class BrokerConfig:
    """The settings of one embedded broker.

    Parameters
    ----------
    data
        Directory of the log; made if it is missing. One broker at a time uses it.
    port
        Port of the main listener, 0 for any free one.
    advertised_port
        Port of the main listener as clients are told to connect to it, if something stands between; None for its own.
    users
        Password of each user. If there are any, the main listener serves nobody who does not log in (SASL/PLAIN).
    plain_port
        Port of a second listener that asks for no password, 0 for any free one, None for no such listener.
    topics
        Topics that are there from the start.
    partitions
        Partitions of a topic that is made without saying how many.
    auto_create
        Whether a topic is made when a client first asks for it.
    """

    data: Path
    port: int = 9092
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    plain_port: int | None = None
    topics: tuple[str, ...] = ()
    partitions: int = 1
    auto_create: bool = True
    advertised_port: int | None = None
