"""A pytest plugin: the server's modules with one rule broken, for a whole run (``-p tests.server.breaking``)."""

import os
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from tests.support.breaking import Break, import_broken

ROOM = "snews_cs.server"
VARIABLE = "SNEWS_CS_TEST_BROKEN_RULE"
"""The environment variable that names the rule to break."""

RULES = {
    row["rule"]: (Break(**row), noticed_by)
    for row in tomllib.loads(Path(__file__).with_name("broken_rules.toml").read_text(encoding="utf-8"))["break"]
    if (noticed_by := row.pop("noticed_by"))
}
"""Of each rule: how it is broken, and which tests are to notice that."""


def break_server(broken: Break) -> None:
    """Let whoever imports a module of the server from now on have it with that rule broken.

    Raises
    ------
    LookupError
        If the server does not say that exactly once: the rule has moved, and must be broken where it now stands.
    """
    room = import_module(ROOM)
    names = [f"{ROOM}.{module.name}" for module in iter_modules(room.__path__)]
    modules = import_broken({f"{ROOM}.{broken.module}": (broken.says, broken.instead)}, {ROOM}, set(), names)
    for name, module in modules.items():
        sys.modules[name] = module
        setattr(room, name.rpartition(".")[2], module)


if VARIABLE in os.environ:
    break_server(RULES[os.environ[VARIABLE]][0])
