"""The same message in another version of the protocol.

The versions of a Kafka message differ in fields that came later or were dropped. kio has one dataclass for each
version; these functions copy one to another, field by field.
"""

from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from kio.static.protocol import Entity

T = TypeVar("T", bound=Entity)

_NEUTRAL: dict[str, object] = {"int8": 0, "bool": False}
"""What stands in a field of the newest version that an older one does not have, by its type on the wire."""


def convert(entity: Entity, target: type[T]) -> T:
    """Return a message as the same message of another version.

    Fields that the target does not have are dropped; those that the source does not have get their default.

    Parameters
    ----------
    entity
        A request or an answer.
    target
        The class of the same message in the version wanted.
    """
    if isinstance(entity, target):
        return entity
    present = {field.name for field in fields(entity)}
    values: dict[str, object] = {}
    for field in fields(target):
        nested = _nested(target).get(field.name)
        if field.name in present:
            value: Any = getattr(entity, field.name)
            values[field.name] = tuple(convert(item, nested) for item in value) if nested and value else value
        elif field.default is MISSING:
            values[field.name] = _neutral(field, is_array=nested is not None)
    return target(**values)


def require_arrays(entity: Entity) -> None:
    """Check that arrays which may not be null are not (kio reads a null array wherever an array may stand).

    Raises
    ------
    ValueError
        If one is.
    """
    nested = _nested(type(entity))
    for name in _arrays(type(entity)):
        items = getattr(entity, name)
        if items is None:
            raise ValueError(f"{name} is null")
        if name in nested:
            for item in items:
                require_arrays(item)


def _neutral(field: Field[Any], *, is_array: bool) -> object:
    return () if is_array else _NEUTRAL[field.metadata["kafka_type"]]


@cache
def _nested(entity_type: type[Entity]) -> dict[str, type[Entity]]:
    """Return the class of the elements of each field that is an array of structures."""
    found: dict[str, type[Entity]] = {}
    for name, hint in get_type_hints(entity_type).items():
        for part in (hint, *get_args(hint)):
            for element in get_args(part):
                if is_dataclass(element):
                    found[name] = cast(type[Entity], element)
    return found


@cache
def _arrays(entity_type: type[Entity]) -> tuple[str, ...]:
    """Return the fields that are arrays and may not be null."""
    hints = get_type_hints(entity_type)
    return tuple(field.name for field in fields(entity_type) if get_origin(hints[field.name]) is tuple)
