"""Reads JSON of strangers: bounded nesting, only numbers and text that can be stored.

A number that is not finite is null, since libraries write NaN where there is no value. An integer that does not fit
into 64 bits is a float.
"""

import json
import math
import re
from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import INT64, MAX_DEPTH, MAX_PARTS, storable

_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # never tries a string twice: linear
_BRACKETS = re.compile(r"[\[\]{}]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(text: str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    MessageRefused
        If it is not JSON, nests deeper than :data:`~snews_cs.messages.limits.MAX_DEPTH`, or has more than
        :data:`~snews_cs.messages.limits.MAX_PARTS` lists and objects.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_structure(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MessageRefused(f"not JSON: {error.msg}, character {error.pos}") from error
    return _storable(value) if _ESCAPED_SURROGATE.search(text) else value


def _check_structure(text: str) -> None:
    """Refuse a text that nests too deep; done beforehand, since the parser itself recurses. Nor must it take long."""
    depth = parts = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub("", text)):
        if bracket[0] in "]}":
            depth -= 1
            if depth < 0:
                return  # not JSON, as the parser will say
            continue
        depth, parts = depth + 1, parts + 1
        if depth > MAX_DEPTH:
            raise MessageRefused(f"JSON nests deeper than {MAX_DEPTH} levels")
        if parts > MAX_PARTS:
            raise MessageRefused(f"JSON has more than {MAX_PARTS} lists and objects")


def _integer(text: str) -> int | float | None:
    return int(text) if len(text) <= 20 and int(text) in INT64 else _finite(text)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _storable(value: Any) -> Any:
    """Return a value of JSON with lone surrogates replaced; its depth is bounded already."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _storable(item) for name, item in value.items()}
    return value


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_finite, parse_constant=_finite)
