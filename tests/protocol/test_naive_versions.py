"""The simulation can fail: servers as somebody might have built them do not live long."""

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.play import Play
from tests.protocol.scenes import SCENES
from tests.protocol.site import Room
from tests.support.breaking import import_broken

NAIVE = tomllib.loads(Path(__file__).with_name("naive.toml").read_text(encoding="utf-8"))["break"]
PATIENCE = 300
"""How many seeds a naive version may survive."""

ROOMS = {"snews_cs.server", "snews_cs.coincidence"}
SHARED = {"snews_cs.coincidence.types", "snews_cs.coincidence.frame", "snews_cs.server.observer"}


def naive_room(says: dict[str, Any]) -> Room:
    """Return the modules of a server with one thing broken."""
    broken = {f"snews_cs.{says['module']}": (says["says"], says["instead"])}
    wanted = {name: f"snews_cs.server.{name}" for name in Room.__dataclass_fields__}
    modules = import_broken(broken, ROOMS, SHARED, wanted.values())
    return Room(**{name: modules[module] for name, module in wanted.items()})


def play(seed: int, room: Room) -> None:
    """Play a seed."""
    Play(seed, room).run()


def first_failure(room: Room, first: str) -> str | None:
    """Return what is noticed first, None if nothing is; ``first`` is the play to begin with."""
    plays: dict[str, Callable[[], object]] = {scene.__name__: partial(scene, room) for scene in SCENES}
    plays |= {f"seed {seed}": partial(play, seed, room) for seed in range(PATIENCE)}
    for name in sorted(plays, key=lambda name: name != first):
        try:
            plays[name]()
        except Exception as failure:  # noqa: BLE001 - a naive server may end by anything
            return f"{name}: {failure!r}"
    return None


@pytest.mark.parametrize("naive", NAIVE, ids=lambda naive: naive["rule"])
def test_a_naive_version_is_noticed(naive: dict[str, Any]) -> None:
    noticed = first_failure(naive_room(naive), naive["noticed_in"])
    assert noticed is not None
    print(noticed)


def test_the_same_modules_unbroken_live_on() -> None:
    nothing = "class CoincidenceServer:"
    unbroken = naive_room({"module": "server.loop", "says": nothing, "instead": nothing})
    for seed in range(20):
        Play(seed, unbroken).run()
