"""Engines with one rule broken."""

from snews_cs.coincidence.engine import Engine
from tests.support.breaking import Break, import_broken

ROOM = "snews_cs.coincidence"
SHARED = {f"{ROOM}.types", f"{ROOM}.frame"}
"""Modules that the broken engine shares with the tests: what passes between rooms."""


def broken_engine(broken: Break) -> type[Engine]:
    """Return the engine's class with that one rule broken; nothing else in the process notices.

    Raises
    ------
    LookupError
        If the engine does not say that exactly once: the rule has moved, and must be broken where it now stands.
    """
    name = f"{ROOM}.{broken.module}"
    wanted = f"{ROOM}.engine"
    modules = import_broken({name: (broken.says, broken.instead)}, {ROOM}, SHARED, {wanted})
    engine: type[Engine] = modules[wanted].Engine
    return engine
