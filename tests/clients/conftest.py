"""The released client against the server: the session's broker, a server, a detector's desk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.broker import broker
from tests.support.snews_pt import SnewsPt
from tests.support.system import System, system

__all__ = ["broker", "system"]

PASSWORD = "correct horse battery staple"


@pytest.fixture
def desk(client_bin: Path, system: System) -> Iterator[Callable[..., SnewsPt]]:
    """Return a function that gives snews_pt to a detector; its home must stay as empty as it was."""
    desks: list[SnewsPt] = []

    def furnish(detector_name: str, *, admin_password: str = PASSWORD, firedrill: bool = False) -> SnewsPt:
        desks.append(SnewsPt(client_bin, system, detector_name, admin_password=admin_password, firedrill=firedrill))
        return desks[-1]

    yield furnish
    for each in desks:
        assert list(each.home.iterdir()) == []


@pytest.fixture
def snews_pt(desk: Callable[..., SnewsPt]) -> SnewsPt:
    """Give snews_pt to XENONnT."""
    return desk("XENONnT")
