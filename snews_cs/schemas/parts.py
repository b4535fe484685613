"""What the schemas of messages that are read are made of."""

from collections.abc import Iterable
from typing import Any

from snews_cs.messages.fields import MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS, Spellings
from snews_cs.messages.limits import INT64

Schema = dict[str, Any]

_YEAR = "(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9]|226[01])"
_MONTH = "(0[1-9]|1[0-2])"
_DAY = "(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]|23:59:60)"
_ZONE = "(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
_ISO = rf"{_YEAR}-{_MONTH}-{_DAY}[T ]{_CLOCK}(\.[0-9]{{1,9}})?{_ZONE}?"
_OLD = rf"([0-9]{{2}}/{_MONTH}/{_DAY}|{_DAY}/{_MONTH}/{_YEAR}) {_CLOCK}([:.][0-9]{{1,9}})?"
_PROBABILITY = r"([01](\.0*)?|0\.[0-9]*|[0-9](\.[0-9]*)?[eE]-0*[1-9][0-9]*)"

ANYTHING: Schema = {}
NULL: Schema = {"type": "null"}
TIME: Schema = {"type": "string", "pattern": f"^({_ISO}|{_OLD})$"}
P_VALUE: Schema = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": f"^{_PROBABILITY}$"}]
}
INTEGER: Schema = {"type": "integer", "minimum": INT64.start, "maximum": INT64.stop - 1}
COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": INT64.stop - 1}
NUMBER: Schema = {"type": "number", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string", "maxLength": MAX_TEXT_CHARACTERS}
NAME: Schema = {"type": "string", "maxLength": MAX_NAME_CHARACTERS}


def list_of(item: Schema) -> Schema:
    """Return a list of any length."""
    return {"type": "array", "items": item}


def or_null(value: Schema) -> Schema:
    """Return the same, or null, which is as if it were not there; of anything, anything."""
    if not value:
        return value
    options = value["anyOf"] if value.keys() == {"anyOf"} else [value]
    return {"anyOf": [*options, NULL]}


def field(spellings: Spellings, meaning: str, value: Schema) -> Schema:
    """Return the properties of an optional field, one for each of its spellings."""
    first, *others = spellings
    return {
        first: {"description": meaning, **or_null(value)},
        **{name: {"description": f"Another spelling of `{first}`.", **or_null(value)} for name in others},
    }


def any_of(*options: Schema) -> Schema:
    """Return that one of these holds at least."""
    return options[0] if len(options) == 1 else {"anyOf": list(options)}


def all_of(*conditions: Schema) -> Schema:
    """Return that all of these hold."""
    return {"allOf": list(conditions)}


def given(spellings: Spellings, value: Schema | None = None) -> Schema:
    """Return that a field is there, under one of its spellings at least, with such a value (by default: not null)."""
    return any_of(*({"required": [name], "properties": {name: value or {"not": NULL}}} for name in spellings))


def missing(*names: str) -> Schema:
    """Return that fields are not there, or null."""
    return {"properties": dict.fromkeys(names, NULL)}


def id_names(words: Iterable[str]) -> Schema:
    """Return that the ``id``, else the ``_id``, names a message as one of these words: ``JUNO_TimingTier_<time>``."""
    pattern = {"type": "string", "pattern": f"^[^_]+_(PRE-SN_)?({'|'.join(words)})(_.*)?$"}
    return any_of(given(("id",), pattern), all_of(missing("id"), given(("_id",), pattern)))


def id_names_none(words: Iterable[str]) -> Schema:
    """Return that neither ``id`` nor ``_id`` names a message as one of these words."""
    other = {"not": {"type": "string", "pattern": f"_({'|'.join(words)})(_|$)"}}
    return {"properties": {"id": other, "_id": other}}
