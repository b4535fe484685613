"""Which store to look at."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from snews_cs.cli.embedded import embedded_store
from snews_cs.errors import SettingsError
from snews_cs.settings import Settings
from snews_cs.storage.open import open_reader
from snews_cs.storage.protocol import StoreReader

OpenStore = Callable[[], AbstractContextManager[StoreReader]]
"""Opens the store that the options name."""


def reads_store(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which store, and as its first argument an :data:`OpenStore`."""

    @click.option("--embedded", "is_embedded", is_flag=True, help="Look at the store of `run-coincidence --embedded`.")
    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="With --embedded: its directory.  [default: $XDG_DATA_HOME/snews_cs]",
    )
    @click.option("--firedrill/--no-firedrill", default=False, help="Look at the store of firedrills.")
    @wraps(command)
    def with_store(*, is_embedded: bool, data: Path | None, firedrill: bool, **options: Any) -> None:
        @contextmanager
        def opened() -> Iterator[StoreReader]:
            if data is not None and not is_embedded:
                raise SettingsError("--data goes with --embedded")
            settings: Settings = click.get_current_context().obj
            address = embedded_store(settings, data) if is_embedded else settings.database_server
            with closing(open_reader(address, firedrill=firedrill)) as store:
                yield store

        command(opened, **options)

    return with_store
