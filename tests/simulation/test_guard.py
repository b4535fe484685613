"""Nobody fakes a supernova by mistake."""

import pytest

from snews_cs.errors import SettingsError
from snews_cs.simulation.guard import require_harmless


@pytest.mark.parametrize("host", ["127.0.0.1:9092", "localhost", "127.0.0.1:9092,localhost:9093"])
def test_this_machine_is_harmless(host: str) -> None:
    require_harmless(f"kafka://{host}/topic", only_tests=False)


@pytest.mark.parametrize(
    "host", ["kafka.scimma.org", "127.0.0.1.example.org", "10.0.0.1:9092", "localhost,kafka.scimma.org", "0.0.0.0"]
)
def test_elsewhere_only_tests_are(host: str) -> None:
    require_harmless(f"kafka://{host}/topic", only_tests=True)
    with pytest.raises(SettingsError, match="would be taken for real ones"):
        require_harmless(f"kafka://{host}/topic", only_tests=False)
