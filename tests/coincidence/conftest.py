"""The named tests of this room ask the engine and the oracle alike: an oracle that is wrong would prove nothing."""

import pytest

from snews_cs.coincidence.engine import Engine
from tests.coincidence.oracle import Oracle
from tests.coincidence.sky import Sky


@pytest.fixture(params=[Engine, Oracle])
def sky(request: pytest.FixtureRequest) -> Sky:
    """Return an empty sky at one minute after noon."""
    return Sky(request.param())
