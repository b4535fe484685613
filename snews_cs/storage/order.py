"""The journal has no holes, and is of this version: what both stores check before they write, and while they read."""

from collections.abc import Callable, Iterator, Sequence

from snews_cs.errors import StorageError
from snews_cs.storage.entry import Entry


def require_run(entries: Sequence[Entry], first: int) -> None:
    """Check that entries are numbered ``first``, ``first + 1`` and so on.

    Raises
    ------
    StorageError
        If a number is missing.
    """
    for expected, entry in enumerate(entries, first):
        if entry.sequence != expected:
            raise StorageError(f"entry {expected} is missing before entry {entry.sequence}")


def require_layout(name: str, found: object, ours: int) -> None:
    """Check that a store is laid out as this version does it.

    Raises
    ------
    StorageError
        If it is not.
    """
    if found != ours:
        raise StorageError(
            f"{name} was made by another version of snews_cs (its layout is {found}, this version's is {ours}); it"
            " stays as it is: name another store, or use that version"
        )


def in_order(read_page: Callable[[int], Sequence[Entry]], after: int) -> Iterator[Entry]:
    """Yield the journal's entries above ``after``, page by page, so that nothing stays open between them.

    Parameters
    ----------
    read_page
        Returns some of the entries above a sequence number, in order; none at the end.
    after
        Where to begin.

    Raises
    ------
    StorageError
        If an entry is missing: who folds the journal must not pass over a hole.
    """
    while page := read_page(after):
        require_run(page, after + 1)
        yield from page
        after = page[-1].sequence
