"""What the settings come to for a server of observations, or of firedrills."""

from pathlib import Path
from urllib.parse import quote

from snews_cs.errors import SettingsError
from snews_cs.messages.admission import AdmissionPolicy
from snews_cs.messages.registry import Registry
from snews_cs.messages.types import Parameters
from snews_cs.setting_types import quoted
from snews_cs.settings import Settings


def observation_topic(settings: Settings, *, firedrill: bool) -> str:
    """Return ``kafka://...``, where it reads observations."""
    return settings.firedrill_observation_topic if firedrill else settings.observation_topic


def alert_topic(settings: Settings, *, firedrill: bool) -> str:
    """Return ``kafka://...``, where it publishes alerts that are no test's."""
    return settings.firedrill_alert_topic if firedrill else settings.alert_topic


def spool_directory(settings: Settings, *, firedrill: bool) -> Path:
    """Return where it keeps what it decides while the store is away."""
    kind = "firedrill" if firedrill else "spool"
    return settings.spool_directory / f"{kind}-{quote(settings.server_tag, safe='')}"


def admission_policy(settings: Settings, registry: Registry, *, firedrill: bool) -> AdmissionPolicy:
    """Return whom it listens to.

    Raises
    ------
    SettingsError
        If somebody is to be muted who is not registered.
    """
    password = settings.snews_cs_admin_pass
    muted = {name: registry.resolve(name) for name in settings.muted_detectors}
    if unknown := [name for name, detector in muted.items() if detector is None]:
        raise SettingsError(f"MUTED_DETECTORS: {', '.join(map(quoted, unknown))} is not registered")
    return AdmissionPolicy(
        registry=registry,
        firedrill=firedrill,
        clock_skew_tolerance_ns=settings.clock_skew_tolerance_ns,
        muted=frozenset(detector.name for detector in muted.values() if detector),
        admin_password=password.get_secret_value() if password else None,
    )


def parameters(settings: Settings, registry: Registry) -> Parameters:
    """Return by what its engine decides."""
    return Parameters(
        coincidence_threshold_ns=settings.coincidence_threshold_ns,
        refine_window_ns=settings.refine_window_ns,
        expiration_ns=settings.msg_expiration_ns,
        offline_after_ns=settings.hb_offline_after_ns,
        background_rates_per_week=registry.background_rates_per_week(),
    )
