"""What the settings mean for a server, where it takes more than one of them to say."""

import pytest

from snews_cs.cli.server_settings import admission_policy
from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Registry
from snews_cs.settings import MASK, load_settings


def test_who_is_muted_must_be_registered_and_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUTED_DETECTORS", "JUNO;DETECTOR 1;me:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        admission_policy(load_settings(), Registry.load(), firedrill=False)
    assert str(caught.value) == f"MUTED_DETECTORS: 'DETECTOR 1', '{MASK}@host' is not registered"
