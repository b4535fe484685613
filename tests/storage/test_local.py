"""The store on a server's own disk: it is one server's at a time."""

from pathlib import Path

import pytest

from snews_cs.errors import SettingsError
from snews_cs.storage.local import local_storage


def test_a_second_server_is_told_first_that_it_may_be_running_already(tmp_path: Path) -> None:
    with local_storage(tmp_path / "spool"):
        with pytest.raises(SettingsError) as caught, local_storage(tmp_path / "spool"):
            pass
        text = str(caught.value)
        assert text.startswith("this server may be running already: ")
        assert str(tmp_path / "spool") in text
        assert text.index("SPOOL_DIRECTORY") < text.index("SERVER_TAG")
    with local_storage(tmp_path / "spool"):
        pass  # it is free again
