"""Who is to publish an entry's alerts, in MongoDB: the claims that follow the one in the entry, numbered from 1.

Each is a document of its own, known by the entry's and its own number. Of several servers that take the same number at
once, one inserts it and the others are told that it is there. That holds on every server of the protocol; of two
conditional updates that exclude each other, FerretDB lets both succeed.
"""

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from snews_cs.storage.documents import Document


class MongoClaims:
    """The claims in a database; every method raises what pymongo raises."""

    def __init__(self, database: Database[Document]) -> None:
        self._claims = database["claims"]

    def of(self, sequence: int, first: str) -> str:
        """Return the claim that an entry has, ``first`` being the one it was appended with."""
        return self._latest(sequence, first)[1]

    def take(self, sequence: int, first: str, expected: str, new: str) -> bool:
        """Set an entry's claim to ``new`` if it is ``expected``; whether it was."""
        number, claim = self._latest(sequence, first)
        if claim != expected:
            return False
        try:
            self._claims.insert_one({"_id": _name(sequence, number + 1), "claim": new})
        except DuplicateKeyError:
            return False
        return True

    def drop(self) -> None:
        """Delete all."""
        self._claims.drop()

    def _latest(self, sequence: int, first: str) -> tuple[int, str]:
        number, claim = 0, first
        while (following := self._claims.find_one({"_id": _name(sequence, number + 1)})) is not None:
            number, claim = number + 1, following["claim"]
        return number, claim


def _name(sequence: int, number: int) -> str:
    return f"{sequence}/{number}"
