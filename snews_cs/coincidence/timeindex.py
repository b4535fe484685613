"""An index of things in time that finds what lies in a short stretch of it, whatever the size of the rest."""

from bisect import insort
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from snews_cs.coincidence.undo import UndoLog
from snews_cs.messages.types import Nanoseconds

BUCKET_NS: Nanoseconds = 10 * 10**9
"""Width of one bucket: the usual coincidence threshold, so that a look-up reads a handful of them."""


class Timed(Protocol):
    """A value with a time and a number of its own; values sort by time, then number."""

    @property
    def time_ns(self) -> Nanoseconds:
        """Where it stands in time."""

    @property
    def number(self) -> int:
        """Its own number."""

    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T", bound=Timed)


class TimeIndex(Generic[T]):
    """Immutable values found by number, or by time."""

    __slots__ = ("_buckets", "_by_number")

    def __init__(self) -> None:
        self._by_number: dict[int, T] = {}
        self._buckets: dict[int, tuple[T, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[T]:
        return iter(self._by_number.values())

    def __contains__(self, number: object) -> bool:
        return number in self._by_number

    def __getitem__(self, number: int) -> T:
        return self._by_number[number]

    def get(self, number: int) -> T | None:
        """Return the value with that number, None if there is none."""
        return self._by_number.get(number)

    def between(self, first_ns: Nanoseconds, last_ns: Nanoseconds) -> list[T]:
        """Return the values with ``first_ns <= time_ns <= last_ns``, by time, then number."""
        buckets = self._buckets
        return [
            value
            for bucket in range(first_ns // BUCKET_NS, last_ns // BUCKET_NS + 1)
            for value in buckets.get(bucket, ())
            if first_ns <= value.time_ns <= last_ns
        ]

    def put(self, value: T, log: UndoLog) -> None:
        """Add a value; one with the same number is replaced."""
        self.discard(value.number, log)
        log.put(self._by_number, value.number, value)
        bucket = value.time_ns // BUCKET_NS
        values = list(self._buckets.get(bucket, ()))
        insort(values, value)
        log.put(self._buckets, bucket, tuple(values))

    def discard(self, number: int, log: UndoLog) -> T | None:
        """Remove the value with that number and return it, None if there is none."""
        if number not in self._by_number:
            return None
        value = log.drop(self._by_number, number)
        bucket = value.time_ns // BUCKET_NS
        rest = tuple(other for other in self._buckets[bucket] if other is not value)
        if rest:
            log.put(self._buckets, bucket, rest)
        else:
            log.drop(self._buckets, bucket)
        return value
