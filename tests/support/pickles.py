"""Pickles as snews_pt writes them, made by Python's own pickler of classes that are called as the client's are."""

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import ModuleType
from typing import Any

_MESSAGES = "snews.models.messages"


class Tier(StrEnum):
    """The client's enumeration of tiers."""

    HEARTBEAT = "Heartbeat"
    RETRACTION = "Retraction"
    COINCIDENCE_TIER = "CoincidenceTier"
    SIGNIFICANCE_TIER = "SignificanceTier"
    TIMING_TIER = "TimingTier"


Tier.__module__ = _MESSAGES


class _PydanticModel:
    """Pickles to what a pydantic 2 model pickles to."""

    def __init__(self, fields: dict[str, Any], extra: dict[str, Any] | None) -> None:
        self.__dict__ = fields
        self._extra = extra

    def __getstate__(self) -> dict[str, Any]:
        fields = {name: value for name, value in self.__dict__.items() if name != "_extra"}
        return {
            "__dict__": fields,
            "__pydantic_extra__": self._extra,
            "__pydantic_fields_set__": set(fields),
            "__pydantic_private__": None,
        }


def pickled(class_name: str, *, protocol: int = 4, extra: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """Return the pickle of a model of ``snews.models.messages``; a ``tier`` becomes that enumeration's member."""
    with _client_modules(class_name) as module:
        if fields.get("tier") in list(Tier):
            fields["tier"] = Tier(fields["tier"])
        return pickle.dumps(getattr(module, class_name)(fields, extra), protocol=protocol)


@contextmanager
def _client_modules(class_name: str) -> Iterator[Any]:
    """Let the client's modules exist while something is pickled by reference to them."""
    names = ("snews", "snews.models", _MESSAGES)
    modules = {name: ModuleType(name) for name in names}
    module: Any = modules[_MESSAGES]
    setattr(module, class_name, type(class_name, (_PydanticModel,), {"__module__": _MESSAGES}))
    module.Tier = Tier
    sys.modules.update(modules)
    try:
        yield module
    finally:
        for name in names:
            del sys.modules[name]
