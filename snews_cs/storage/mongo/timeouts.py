"""How long a server of MongoDB's protocol may take: little, unless there is reason for more."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pymongo
from pymongo.database import Database

from snews_cs.storage.mongo.documents import Document

TIMEOUT_MS = 450
"""How long one operation may take, with all that belongs to it: to find a server, to connect, to get its answer.

Who waits for a server to be found looks only each half second whether this time is over: it is a little less than that.
"""

EACH_MS = 2
"""How much longer an operation may take for each document that it writes..."""

MOST_MS = 400
"""...and at most: whoever waits is told within a second."""

SCAN_S = 5.0
"""How long a server that uses no indexes, as FerretDB, may look at every row for those whose time is over, s."""


def time_to_write(documents: int) -> AbstractContextManager[None]:
    """Give the operations within the time that so many documents may take; one gets no more than any operation."""
    return pymongo.timeout((TIMEOUT_MS + min((documents - 1) * EACH_MS, MOST_MS)) / 1e3)


@contextmanager
def time_to_scan(database: Database[Document]) -> Iterator[None]:
    """Give each operation within :data:`SCAN_S`, once the server has shown within the usual time that it answers."""
    database.command("ping")
    with pymongo.timeout(SCAN_S):
        yield
