"""Time for servers of MongoDB's protocol that use no indexes, as FerretDB, and look at every document."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.database import Database

from snews_cs.storage.documents import Document

SCAN_S = 5.0
"""How long one look at every document may take, s."""


@contextmanager
def time_to_scan(database: Database[Document]) -> Iterator[None]:
    """Give a server :data:`SCAN_S` for each operation, once it has shown within the usual time that it answers."""
    database.command("ping")
    with pymongo.timeout(SCAN_S):
        yield
