"""Engines with one rule broken: the engine's own source with a few words changed, imported beside the real one."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from snews_cs.coincidence.engine import Engine

ROOM = "snews_cs.coincidence"
SHARED = {f"{ROOM}.types", f"{ROOM}.frame"}
"""Modules that the broken engine shares with the tests: what passes between rooms."""


@dataclass(frozen=True)
class Break:
    """One rule broken: in ``module``, where the engine ``says`` something (once), it has ``instead``."""

    rule: str
    module: str
    says: str
    instead: str


def broken_engine(broken: Break) -> type[Engine]:
    """Return the engine's class with that one rule broken; nothing else in the process notices.

    Raises
    ------
    LookupError
        If the engine does not say that exactly once: the rule has moved, and must be broken where it now stands.
    """
    name = f"{ROOM}.{broken.module}"
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {name}")
    source = Path(spec.origin).read_text(encoding="utf-8")
    if source.count(broken.says) != 1:
        raise LookupError(f"{name} says {broken.says!r} {source.count(broken.says)} times")
    room = sys.modules[ROOM]
    apart = {each: sys.modules[each] for each in sys.modules if each.startswith(f"{ROOM}.") and each not in SHARED}
    try:
        for each in apart:
            _forget(room, each)
        module = sys.modules[name] = ModuleType(name)
        setattr(room, broken.module, module)
        exec(compile(source.replace(broken.says, broken.instead), spec.origin, "exec"), vars(module))
        engine: type[Engine] = import_module(f"{ROOM}.engine").Engine
        return engine
    finally:
        for each, module in apart.items():
            sys.modules[each] = module
            setattr(room, each.rpartition(".")[2], module)


def _forget(room: ModuleType, name: str) -> None:
    """Let a module of the room be imported anew."""
    del sys.modules[name]
    delattr(room, name.rpartition(".")[2])
