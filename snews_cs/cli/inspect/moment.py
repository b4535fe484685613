"""``--since`` and ``--until``: times as a person writes them."""

import re
from collections.abc import Callable
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from snews_cs.errors import MessageRefused
from snews_cs.messages.times import parse_utc, tai_now
from snews_cs.messages.types import Nanoseconds
from snews_cs.setting_types import Seconds

_LENGTH: TypeAdapter[int] = TypeAdapter(Seconds)


def moment_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return an option for a UTC time, a day, or how long ago; its value is None or TAI ns (``since_ns``)."""
    return click.option(f"--{name}", f"{name}_ns", type=_parsed, metavar="TIME", help=text)


def _parsed(text: str) -> Nanoseconds:
    try:
        if re.fullmatch(r"[0-9.]+ *[a-z]+", text):
            return tai_now() - _LENGTH.validate_python(text)
        return parse_utc(f"{text}T00:00:00Z" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text)
    except (MessageRefused, ValidationError) as error:
        raise click.BadParameter(f"{text!r} is neither a time (2026-11-21T06:00:00Z) nor a length (24h)") from error
