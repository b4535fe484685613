"""Who is to publish an entry's alerts, in MongoDB: the claims that follow the one in the entry, numbered from 1.

Each is a document of its own, known by the entry's and its own number. Of several servers that take the same number at
once, one inserts it and the others are told that it is there. That holds on every server of the protocol; of two
conditional updates that exclude each other, FerretDB lets both succeed.
"""

from collections.abc import Mapping

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from snews_cs.storage.mongo.documents import Document


class MongoClaims:
    """The claims in a database; every method raises what pymongo raises."""

    def __init__(self, database: Database[Document]) -> None:
        self._claims = database["claims"]

    def of(self, first: Mapping[int, str]) -> dict[int, str]:
        """Return the claims that entries have, given by number with the claim that each was appended with."""
        return {sequence: claim for sequence, (_, claim) in self._latest(first).items()}

    def take(self, sequence: int, first: str, expected: str, new: str) -> bool:
        """Set an entry's claim, at first ``first``, if it is ``expected``; whether it was."""
        number, claim = self._latest({sequence: first})[sequence]
        if claim != expected:
            return False
        try:
            self._claims.insert_one({"_id": _name(sequence, number + 1), "sequence": sequence, "claim": new})
        except DuplicateKeyError:
            return False
        return True

    def drop(self) -> None:
        """Delete all."""
        self._claims.drop()

    def _latest(self, first: Mapping[int, str]) -> dict[int, tuple[int, str]]:
        """Return each entry's latest claim and its number, 0 if it is the first one."""
        latest = {sequence: (0, claim) for sequence, claim in first.items()}
        number, asked = 1, list(first)
        while asked:
            found = self._claims.find({"_id": {"$in": [_name(sequence, number) for sequence in asked]}})
            claims = {int(document["sequence"]): str(document["claim"]) for document in found}
            latest |= {sequence: (number, claim) for sequence, claim in claims.items()}
            number, asked = number + 1, list(claims)
        return latest


def _name(sequence: int, number: int) -> str:
    return f"{sequence}/{number}"
