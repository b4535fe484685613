"""What pymongo's errors mean for a store."""

from pymongo.errors import BulkWriteError, ConnectionFailure, ExecutionTimeout, WriteConcernError

_DUPLICATE_KEY = 11_000


def is_in_doubt(error: Exception) -> bool:
    """Whether what failed may have happened all the same, or may yet happen: no answer in time."""
    if isinstance(error, BulkWriteError):
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError)


def taken(error: BulkWriteError) -> list[int]:
    """Return which of the documents have a number or key that is taken, in order.

    Raises
    ------
    BulkWriteError
        The error itself, if anything else went wrong.
    """
    failures = error.details["writeErrors"]
    if is_in_doubt(error) or any(failure["code"] != _DUPLICATE_KEY for failure in failures):
        raise error
    return [failure["index"] for failure in failures]
