"""What the server asks of a store; ``sqlite`` and ``mongo`` answer it alike (tests/contract holds them to it)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.tables import R


class StoreReader(Protocol):
    """What can be asked of a store without changing it.

    Every method raises :class:`snews_cs.errors.StoreUnreachable` when the store does not answer within its time-out.
    One thread uses a store at a time.
    """

    def prepare(self) -> None:
        """Make what is missing in the store; in one that is only to be read, make sure that there is a store.

        It comes before everything else, and again whenever the store may have been away; it changes nothing in a store
        that is as it should be.

        Raises
        ------
        StorageError
            If the store does not let us in, or is something else than a store of this version.
        """

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence number, None if there is none."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries with sequence numbers above ``after``, in order, without loading all at once."""

    def last_sequence(self) -> int:
        """Return the highest sequence number, 0 for an empty journal."""

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return those of the keys that are in the journal."""

    def unpublished(self) -> list[Entry]:
        """Return the entries whose alerts are not marked as published, in order."""

    def unmarked(self, sequences: Collection[int]) -> Mapping[int, str]:
        """Return those of these entries whose alerts are not marked as published, each with its claim."""

    def latest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest complete snapshot and its sequence number, None if there is none."""

    def projected(self) -> int:
        """Return the sequence number up to which the projections stand, 0 at first."""

    def rows(self, kind: type[R], *, since_ns: Nanoseconds = 0) -> Iterator[R]:
        """Yield a projection's rows in the order of their identities, without loading all at once.

        Parameters
        ----------
        kind
            Which one.
        since_ns
            Only what was received (an alert: sent) then or later, TAI ns.

        Raises
        ------
        StorageError
            If the store fails, or holds what is no such row. (The values of a quarantined message's headers come as
            the store keeps them: bytes, or base64.)
        """

    def refused(self, most: int) -> list[int]:
        """Return the sequence numbers of the latest refused messages, as far as projected, the latest first."""

    def refusals(self) -> Mapping[str, int]:
        """Return how many messages were refused for each reason, as far as projected."""

    def close(self) -> None:
        """Release the connection. The store is not used afterwards."""


class Storage(StoreReader, Protocol):
    """The journal, the engine's snapshots and the projections made of the journal.

    An append that returns is durable, whatever happens. What the other methods did outlives the process; a power cut
    may take back the latest of it on SQLite, never anything that was there before the last append. All of
    :class:`StoreReader` holds here too.
    """

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries with consecutive sequence numbers durably, all or (MongoDB) a prefix of them.

        Raises
        ------
        AppendConflict
            If a sequence number or a key is taken; what stands of the group is to be read.
        StoreUnreachable
            The append is in doubt: ask :meth:`entry` for the sequence number and compare ``attempt``.
        """

    def mark_published(self, sequence: int) -> bool:
        """Mark an entry's alerts as acknowledged by the broker; False if it was marked before."""

    def claim(self, sequence: int, expected: str, new: str) -> bool:
        """Take over the publishing of an entry's alerts: set its claim if it is ``expected``; whether it was.

        Of all who expect the same claim, one gets True, durably, and nobody once the alerts are marked as published.

        Raises
        ------
        StoreUnreachable
            The claim is in doubt: :meth:`unmarked` tells whose it is.
        """

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep the engine's state after entry ``sequence`` (any size), and drop all but the newest two."""

    def project(self, entries: Sequence[Entry]) -> None:
        """Bring the projections up to the last of these consecutive entries.

        Entries at or below :meth:`projected` are passed over: projections never go backwards, and doing it twice
        changes nothing. The projections are for people and other programs; the engine never reads them.
        """

    def sweep(self, now_ns: int) -> int:
        """Delete from the projections what has outlived its time, where the store does not do so itself; how many.

        If it was much, only a part of it may have been deleted; 0 means that nothing is left.
        """

    def drop(self) -> None:
        """Delete everything (``--dropdb``): journal, snapshots and projections."""
