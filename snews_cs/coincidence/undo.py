"""How a decision is taken back: every change of the engine's state leaves its inverse here."""

from collections.abc import Callable, MutableMapping
from operator import delitem, setitem
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class UndoLog:
    """The inverses of the changes made since the log was begun; rolling back costs as much as the changes did."""

    __slots__ = ("_inverses",)

    def __init__(self) -> None:
        self._inverses: list[tuple[Any, ...]] = []

    def put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None:
        """Set an item of a mapping."""
        if key in mapping:
            self._inverses.append((setitem, mapping, key, mapping[key]))
        else:
            self._inverses.append((delitem, mapping, key))
        mapping[key] = value

    def drop(self, mapping: MutableMapping[K, V], key: K) -> V:
        """Remove an item of a mapping and return it."""
        value = mapping.pop(key)
        self._inverses.append((setitem, mapping, key, value))
        return value

    def assign(self, owner: object, name: str, value: object) -> None:
        """Set an attribute."""
        self._inverses.append((setattr, owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def inverse(self, function: Callable[..., object], *arguments: object) -> None:
        """Note what takes back a change that the caller makes itself."""
        self._inverses.append((function, *arguments))

    def rollback(self) -> None:
        """Take back every change, newest first."""
        while self._inverses:
            function, *arguments = self._inverses.pop()
            function(*arguments)
