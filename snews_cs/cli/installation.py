"""``--embedded`` and ``--data``: which installation a command belongs to."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from snews_cs.cli.embedded import embedded, embedded_store, local_settings
from snews_cs.errors import SettingsError
from snews_cs.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """A broker and a store: those that the settings name, or those of ``--embedded``.

    Parameters
    ----------
    is_embedded
        Whether it needs nothing but this machine.
    data
        Its directory; None for the usual one.
    """

    is_embedded: bool
    data: Path | None

    def settings(self, settings: Settings) -> Settings:
        """Return the settings that hold in it (errors as :func:`snews_cs.cli.embedded.local_settings`)."""
        return local_settings(settings, self.data) if self.is_embedded else settings

    def running(self, settings: Settings) -> AbstractContextManager[Settings]:
        """Return its settings for as long as its broker runs (errors as :func:`snews_cs.cli.embedded.embedded`)."""
        return embedded(settings, self.data) if self.is_embedded else nullcontext(settings)

    def database_server(self, settings: Settings) -> str:
        """Return the address of its store."""
        return embedded_store(settings, self.data) if self.is_embedded else settings.database_server

    @property
    def options(self) -> list[str]:
        """How to name it to another command."""
        return [
            *(["--embedded"] if self.is_embedded else []),
            *([] if self.data is None else [f"--data={self.data}"]),
        ]


def has_installation(
    embedded_help: str, data_help: str = "its directory"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the two options, and an :class:`Installation` by the name of ``installation``.

    Parameters
    ----------
    embedded_help, data_help
        What ``--embedded`` is for, and what ``--data`` names.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--embedded", "is_embedded", is_flag=True, help=embedded_help)
        @click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            help=f"With --embedded: {data_help}.  [default: $XDG_DATA_HOME/snews_cs]",
        )
        @wraps(command)
        def with_installation(*arguments: Any, is_embedded: bool, data: Path | None, **options: Any) -> None:
            if data is not None and not is_embedded:
                raise SettingsError("--data goes with --embedded")
            command(*arguments, installation=Installation(is_embedded, data), **options)

        return with_installation

    return decorate
