"""The session's real servers: ``make services`` builds them; where one is missing, its tests are skipped."""

from collections.abc import Iterator

import pytest

from tests.support.broker import PASSWORD, USER
from tests.support.ferretdb import FerretServer
from tests.support.kafka import KafkaServer
from tests.support.service import BUILT, ROOT


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Give the session's Kafka, with the user of the embedded broker; mark the test ``services``."""
    require(request.config, "kafka")
    with KafkaServer(tmp_path_factory.mktemp("kafka"), users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture(scope="session")
def ferretdb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FerretServer]:
    """Give the session's server of the MongoDB protocol; mark the test ``services``."""
    require(request.config, "ferretdb")
    with FerretServer(tmp_path_factory.mktemp("ferretdb")) as server:
        yield server


def require(config: pytest.Config, name: str) -> None:
    """Skip, with one line that says why, if a server could not be built; fail under ``--require-services``."""
    place = BUILT / name
    if (place / "stamp").exists():
        return
    try:
        why = (place / "unavailable").read_text().strip()
    except FileNotFoundError:
        why = "`make services` makes it"
    reason = f"no {place.relative_to(ROOT)}: {why}"
    if config.getoption("--require-services"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
