"""The fields of a message, each read with its type checked. A refusal names the field and quotes what it held."""

import re
from typing import Any, TypeGuard, TypeVar

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import quote
from snews_cs.messages.times import parse_utc
from snews_cs.messages.types import Nanoseconds

Spellings = tuple[str, ...]
"""What different clients call one field; the first that is given (and not null) counts."""

MAX_NAME_CHARACTERS = 200
"""Longest identifier: names of detectors, uuids."""

MAX_TEXT_CHARACTERS = 10_000
"""Longest free text."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")

T = TypeVar("T")


def required(value: T | None, spellings: Spellings) -> T:
    """Return the value of a field that must be there.

    Raises
    ------
    MessageRefused
        If it is None.
    """
    if value is None:
        raise MessageRefused(f"{spellings[0]} is missing")
    return value


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value of JSON is an integer (true and false are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def wrong(name: str, expected: str, value: object) -> MessageRefused:
    """Return the refusal of a field that holds something else than expected."""
    return MessageRefused(f"{name} must be {expected}, not {quote(value)}")


class Fields:
    """Typed access to the fields of one message.

    Each method takes the spellings of a field, returns None if it is missing or null (False, for a flag), and raises
    :class:`~snews_cs.errors.MessageRefused` if it holds what it must not.
    """

    __slots__ = ("_body",)

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body

    def find(self, spellings: Spellings) -> tuple[str, Any]:
        """Return the spelling that is given and its value; the first spelling and None if none is."""
        for name in spellings:
            value = self._body.get(name)
            if value is not None:
                return name, value
        return spellings[0], None

    def text(self, spellings: Spellings, longest: int = MAX_TEXT_CHARACTERS) -> str | None:
        """Return a text, None also if it is empty."""
        name, value = self.find(spellings)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise wrong(name, "text", value)
        if len(value) > longest:
            raise MessageRefused(f"{name} has {len(value)} characters, more than {longest}")
        return value

    def identifier(self, spellings: Spellings) -> str | None:
        """Return a name or uuid: a text of at most :data:`MAX_NAME_CHARACTERS`, None also if it is empty."""
        return self.text(spellings, MAX_NAME_CHARACTERS)

    def flag(self, spellings: Spellings) -> bool:
        """Return a mark."""
        name, value = self.find(spellings)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise wrong(name, "true or false", value)
        return value

    def time(self, spellings: Spellings) -> Nanoseconds | None:
        """Return a time, TAI ns."""
        name, value = self.find(spellings)
        return None if value is None else read_time(name, value)

    def time_if_readable(self, spellings: Spellings) -> Nanoseconds | None:
        """Return a time that decides nothing, TAI ns; None also if it is not one: no message is refused for it."""
        try:
            return self.time(spellings)
        except MessageRefused:
            return None

    def p_value(self, spellings: Spellings) -> float | None:
        """Return a p-value; clients of the 1.x series may write it as text."""
        name, value = self.find(spellings)
        return None if value is None else _p_value(name, value)

    def p_values(self, spellings: Spellings) -> tuple[float, ...] | None:
        """Return a list of p-values."""
        values = self.items(spellings)
        if values is None:
            return None
        return tuple([_p_value(f"{spellings[0]}[{place}]", value) for place, value in enumerate(values)])

    def items(self, spellings: Spellings) -> list[Any] | None:
        """Return a list of whatever it holds."""
        name, value = self.find(spellings)
        if value is not None and not isinstance(value, list):
            raise wrong(name, "a list", value)
        return value

    def number(self, spellings: Spellings) -> float | None:
        """Return a number that is not negative."""
        name, value = self.find(spellings)
        if value is None:
            return None
        if not (is_integer(value) or isinstance(value, float)) or value < 0:
            raise wrong(name, "a number that is not negative", value)
        return float(value)

    def count(self, spellings: Spellings) -> int | None:
        """Return an integer above 0."""
        name, value = self.find(spellings)
        if value is None:
            return None
        if not is_integer(value) or value < 1:
            raise wrong(name, "an integer above 0", value)
        return value


def read_time(name: str, value: object) -> Nanoseconds:
    """Return the time that a field holds, TAI ns."""
    if not isinstance(value, str):
        raise wrong(name, "a time such as 2026-11-21T06:39:10.401568000Z", value)
    try:
        return parse_utc(value)
    except MessageRefused as refusal:
        raise MessageRefused(f"{name} {refusal}") from refusal


def _p_value(name: str, value: Any) -> float:
    written = isinstance(value, str) and _NUMBER.fullmatch(value)
    if (written or is_integer(value) or isinstance(value, float)) and 0.0 <= (number := float(value)) <= 1.0:
        return abs(number)  # -0.0 is 0
    raise wrong(name, "a number in [0, 1]", value)
