"""Code with one rule broken: its own source with a few words changed, imported beside the real one."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Break:
    """One rule broken: in ``module``, where the code ``says`` something (once), it has ``instead``."""

    rule: str
    module: str
    says: str
    instead: str


def import_broken(
    broken: Mapping[str, tuple[str, str]], rooms: Collection[str], shared: Collection[str], wanted: Collection[str]
) -> dict[str, ModuleType]:
    """Return modules that were imported with rules broken; nothing else in the process notices.

    Parameters
    ----------
    broken
        By name of the module: what its source says (once), and what it has instead.
    rooms
        The packages whose modules are imported anew.
    shared
        Modules of theirs that all share: what passes between rooms.
    wanted
        The modules to return, by name.

    Raises
    ------
    LookupError
        If a source does not say that exactly once: the rule has moved, and must be broken where it now stands.
    """
    sources = {name: _broken_source(name, *change) for name, change in broken.items()}
    apart = {
        name: module for name, module in sys.modules.items() if name.rpartition(".")[0] in rooms and name not in shared
    }
    try:
        for name in apart:
            _forget(name)
        for name, (source, origin) in sources.items():
            module = ModuleType(name)
            _put(name, module)
            exec(compile(source, origin, "exec"), vars(module))
        return {name: import_module(name) for name in wanted}
    finally:
        anew = [name for name in sys.modules if name.rpartition(".")[0] in rooms and name not in shared]
        for name in anew:
            _forget(name)
        for name, module in apart.items():
            _put(name, module)


def _broken_source(name: str, says: str, instead: str) -> tuple[str, str]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {name}")
    source = Path(spec.origin).read_text(encoding="utf-8")
    if source.count(says) != 1:
        raise LookupError(f"{name} says {says!r} {source.count(says)} times")
    return source.replace(says, instead), spec.origin


def _put(name: str, module: ModuleType) -> None:
    room, _, word = name.rpartition(".")
    sys.modules[name] = module
    setattr(sys.modules[room], word, module)


def _forget(name: str) -> None:
    """Let a module be imported anew."""
    room, _, word = name.rpartition(".")
    del sys.modules[name]
    delattr(sys.modules[room], word)
