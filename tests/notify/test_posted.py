"""What was posted stays known."""

from pathlib import Path

import pytest

from snews_cs.errors import SettingsError, StorageError
from snews_cs.notify.posted import PostedAlerts


def test_what_was_posted_is_known_after_a_restart_for_each_channel(tmp_path: Path) -> None:
    path = tmp_path / "new" / "directory" / "notes.sqlite"
    posted = PostedAlerts(path)
    posted.add("C1", "alert", "1.0")
    posted.add("C1", "alert", "2.0")
    posted.close()
    posted = PostedAlerts(path)
    assert posted.holds("C1", "alert")
    assert not posted.holds("C2", "alert")
    assert not posted.holds("C1", "other")
    posted.close()


def test_the_first_start_is_remembered(tmp_path: Path) -> None:
    posted = PostedAlerts(tmp_path / "notes.sqlite")
    assert posted.began_unix_ms("C1", "topic", 1000) == 1000
    assert posted.began_unix_ms("C1", "topic", 2000) == 1000
    assert posted.began_unix_ms("C1", "other", 3000) == 3000
    posted.close()


def test_a_file_that_is_none_of_ours_is_a_setting_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(SettingsError, match=r"cannot use .*notes\.sqlite"):
        PostedAlerts(path)
    with pytest.raises(SettingsError, match="cannot use"):
        PostedAlerts(path / "below a file")


def test_a_file_that_fails_later_is_an_error_in_one_line(tmp_path: Path) -> None:
    posted = PostedAlerts(tmp_path / "notes.sqlite")
    posted.close()
    with pytest.raises(StorageError, match="fails"):
        posted.holds("C1", "alert")
