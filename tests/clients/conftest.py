"""The released clients against the server: the session's broker, a server, a detector's desk."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import CLIENTS, NEWEST
from tests.support.broker import broker
from tests.support.snews_pt import SnewsPt
from tests.support.system import System, system

__all__ = ["broker", "system"]

PASSWORD = "correct horse battery staple"


each_client = pytest.mark.parametrize(
    "version", [pytest.param(each, marks=pytest.mark.client(each)) for each in CLIENTS]
)
"""Run a test with each of the released clients, at whose desks ``desk`` and ``snews_pt`` then sit."""

old_client = pytest.mark.parametrize("version", [pytest.param("1.3", marks=pytest.mark.client("1.3"))])
"""Run a test with the last client that sends JSON."""


@pytest.fixture
def version() -> str:
    """Return which of the released clients it is, unless the test's mark says that: the newest."""
    return NEWEST


@pytest.fixture
def desk(version: str, system: System) -> Iterator[Callable[..., SnewsPt]]:
    """Return a function that gives snews_pt to a detector; its home must stay as empty as it was."""
    desks: list[SnewsPt] = []

    def furnish(detector_name: str, *, admin_password: str = PASSWORD, firedrill: bool = False) -> SnewsPt:
        desks.append(
            SnewsPt(
                CLIENTS[version] / "bin",
                system,
                detector_name,
                admin_password=admin_password,
                firedrill=firedrill,
                takes_env_file=version == NEWEST,
            )
        )
        return desks[-1]

    yield furnish
    for each in desks:
        assert list(each.home.iterdir()) == []


@pytest.fixture
def snews_pt(desk: Callable[..., SnewsPt]) -> SnewsPt:
    """Give snews_pt to XENONnT."""
    return desk("XENONnT")
