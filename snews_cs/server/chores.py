"""What can wait: what a server does in the store for people and for its next start."""

from collections.abc import Callable
from types import TracebackType

import structlog

from snews_cs.errors import StorageError
from snews_cs.waiting import Backoff

log = structlog.get_logger(__name__)


class Chore:
    """Something that is put off when the store fails in it: ``with chore:`` tries it.

    Such a failure says nothing of the journal. If the store is away, the next look at the journal finds out.

    Parameters
    ----------
    what
        What to call it in the log.
    monotonic
        A clock that never goes back, in s.
    shortest_s, longest_s
        For how long it is put off after a first failure, and at most, s.
    """

    def __init__(self, what: str, monotonic: Callable[[], float], *, shortest_s: float, longest_s: float) -> None:
        self._what = what
        self._monotonic = monotonic
        self._backoff = Backoff(shortest_s, longest_s, clock=monotonic)
        self._not_before_s = float("-inf")

    @property
    def is_due(self) -> bool:
        """Whether it is not put off."""
        return self._monotonic() >= self._not_before_s

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if error is None:
            self._backoff.success()
        elif isinstance(error, StorageError):
            delay_s = self._backoff.failure()
            self._not_before_s = self._monotonic() + delay_s
            log.warning("put off", what=self._what, again_in_s=delay_s, error=str(error))
        return isinstance(error, StorageError)
