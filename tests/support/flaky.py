"""A store with which something happens: it fails, or somebody else writes in between."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from snews_cs.errors import AppendConflict, StoreUnreachable
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import Storage

Happening = Callable[..., object]


def away(*_: Any) -> None:
    """Let the store be away."""
    raise StoreUnreachable("the store is played to be away")


def nothing(*_: Any) -> None:
    """Let a call pass undisturbed."""


class Flaky:
    """A store to whose methods something can be made to happen.

    Parameters
    ----------
    storage
        The store behind it.

    Attributes
    ----------
    before, after
        What happens, by name of the method, before and after its next calls: one thing each, called with the call's
        arguments. For ``entries``: before it is asked for each entry, the one after the last included.
    is_away
        Whether every call fails, until this is taken back.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.before: defaultdict[str, deque[Happening]] = defaultdict(deque)
        self.after: defaultdict[str, deque[Happening]] = defaultdict(deque)
        self.is_away = False

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries."""
        entries = self.storage.entries(after)
        while True:
            self._play(self.before["entries"])
            self._answer()
            try:
                yield next(entries)
            except StopIteration:
                return

    def leave(self, method: str, *, after: int = 0, done: bool = False) -> None:
        """Be away from a call of a method on, the next one ``after`` so many; it may be ``done`` all the same."""

        def happen(*_: Any) -> None:
            self.is_away = True
            away()

        (self.after if done else self.before)[method].extend([*[nothing] * after, happen])

    def append_only(self, count: int, *, conflict: bool = False) -> None:
        """Let the next append stop after that many entries, as MongoDB may: in doubt, or by a ``conflict``."""

        def happen(entries: Sequence[Entry]) -> None:
            self.storage.append(entries[:count])
            raise AppendConflict("a conflict is played") if conflict else StoreUnreachable("played")

        self.before["append"].append(happen)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.storage, name)

        def played(*arguments: Any) -> Any:
            self._play(self.before[name], *arguments)
            self._answer()
            result = method(*arguments)
            self._play(self.after[name], *arguments)
            return result

        return played

    def _answer(self) -> None:
        if self.is_away:
            away()

    @staticmethod
    def _play(happenings: deque[Happening], *arguments: Any) -> None:
        if happenings:
            happenings.popleft()(*arguments)
