"""``--detector``: one detector, by any name that it is registered under."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Registry
from snews_cs.settings import Settings


def detector_option(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return an option for a registered name, alias or number; the command gets None or the name (``detector``)."""

    def with_option(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--detector", metavar="NAME", help=text)
        @wraps(command)
        def with_detector(*arguments: Any, detector: str | None, **options: Any) -> None:
            if detector is not None:
                detector = _registered_name(click.get_current_context().obj, detector)
            command(*arguments, detector=detector, **options)

        return with_detector

    return with_option


def _registered_name(settings: Settings, name: str) -> str:
    detector = Registry.load(settings.detector_registry).resolve(name)
    if detector is None:
        raise SettingsError(f"--detector: {name!r} is not registered (DETECTOR_REGISTRY)")
    return detector.name
