"""``--detector``: one detector, by any name that it is registered under."""

from collections.abc import Callable
from typing import Any

import click

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Registry


def detector_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return an option for a registered name, alias or number; its value is None or the name (``detector``)."""
    return click.option("--detector", metavar="NAME", callback=_registered, help=text)


def _registered(context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is None:
        return None
    detector = Registry.load(context.obj.detector_registry).resolve(name)
    if detector is None:
        raise SettingsError(f"--detector: {name!r} is not registered (DETECTOR_REGISTRY)")
    return detector.name
