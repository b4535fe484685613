"""Which store to look at."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import wraps
from typing import Any

import click

from snews_cs.cli.installation import Installation, has_installation
from snews_cs.storage.open import open_reader
from snews_cs.storage.protocol import StoreReader

OpenStore = Callable[[], AbstractContextManager[StoreReader]]
"""Opens the store that the options name."""


def reads_store(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which store, and as its first argument an :data:`OpenStore`."""

    @has_installation("Look at the store of `run-coincidence --embedded`.")
    @click.option("--firedrill/--no-firedrill", default=False, help="Look at the store of firedrills.")
    @wraps(command)
    def with_store(*, installation: Installation, firedrill: bool, **options: Any) -> None:
        @contextmanager
        def opened() -> Iterator[StoreReader]:
            address = installation.database_server(click.get_current_context().obj)
            with closing(open_reader(address, firedrill=firedrill)) as store:
                yield store

        command(opened, **options)

    return with_store
