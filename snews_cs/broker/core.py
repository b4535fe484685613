"""What the handlers of requests work on: the broker's state, and who is asking."""

from dataclasses import dataclass
from datetime import timedelta

from kio.schema.types import BrokerId
from kio.static.primitive import i32Timedelta

from snews_cs.broker.config import BrokerConfig
from snews_cs.broker.database import Database
from snews_cs.broker.log import Log
from snews_cs.broker.offsets import CommittedOffsets

NODE_ID = BrokerId(1)
"""Number of the one broker of this cluster."""

MAX_MESSAGE_BYTES = 8 << 20
"""Largest batch of records that is accepted (``max.message.bytes``)."""

NOT_THROTTLED = i32Timedelta.parse(timedelta(0))
"""How long an answer was held back, which this broker never does."""


class Broker:
    """The state that all connections share.

    Parameters
    ----------
    config
        The settings.
    database
        Holds all that is durable.
    """

    def __init__(self, config: BrokerConfig, database: Database) -> None:
        self.config = config
        self.log = Log(database)
        self.offsets = CommittedOffsets(database)


@dataclass(slots=True)
class Client:
    """One connection to the broker.

    Parameters
    ----------
    broker
        What it is connected to.
    port
        Port of the listener that it came in by.
    is_welcome
        Whether it may ask for anything: false until it has logged in, where that is asked for.
    """

    broker: Broker
    port: int
    is_welcome: bool
