"""The notes of :mod:`snews_cs.storage.notes` in a MongoDB database: a document each, known by its name."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.errors import DuplicateKeyError, PyMongoError

from snews_cs.errors import StoreUnreachable
from snews_cs.storage.mongo.documents import Document


class MongoNotes:
    """The :class:`snews_cs.storage.notes.Notes` in the collection ``notes``.

    Parameters
    ----------
    client
        Made with :data:`snews_cs.storage.mongo.store.OPTIONS`; closed with the notes.
    name
        What to call the server in messages to people.
    database
        The database's name.
    """

    def __init__(self, client: pymongo.MongoClient[Document], *, name: str, database: str = "snews_db") -> None:
        self._client = client
        self._name = name
        self._notes = client[database]["notes"]

    def add(self, name: str, text: str) -> bool:
        """Write a text down; False if there is one of that name."""
        with self._answering():
            try:
                self._notes.insert_one({"_id": name, "text": text})
            except DuplicateKeyError:
                return False
        return True

    def get(self, name: str) -> str | None:
        """Return the text of that name, None if there is none."""
        with self._answering():
            found = self._notes.find_one({"_id": name})
        return None if found is None else str(found["text"])

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            raise StoreUnreachable(f"{self._name} does not answer ({type(error).__name__})") from error
