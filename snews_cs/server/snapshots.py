"""Snapshots of the engine: when one is due, and how a large one is made and read without being in the way for long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from snews_cs.coincidence.engine import Engine
from snews_cs.errors import UnreadableSnapshot
from snews_cs.storage.protocol import Storage

log = structlog.get_logger(__name__)

SNAPSHOT_AFTER = 1_000
"""Entries between two snapshots of the engine, at least."""

IDLE_SHARE = 10
"""In a quiet moment a snapshot is due after this part of as many entries as observations are remembered: a tenth."""


class Snapshots:
    """The engine's state as the store keeps it; it can always be made anew from the journal.

    Parameters
    ----------
    storage
        Where it is kept.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._latest = 0

    def restored(self) -> tuple[tuple[int, bytes] | None, Engine]:
        """Return what was kept last, if it can be used: the sequence number, the state; and the engine made of it.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        snapshot = self._storage.latest_snapshot()
        if snapshot is not None:
            try:
                with making_what_lives_long():
                    engine = Engine.restore(snapshot[1])
            except UnreadableSnapshot as error:
                log.warning("reading the whole journal instead of its snapshot", error=str(error))
            else:
                self._latest = snapshot[0]
                return snapshot, engine
        return None, Engine()

    def keep(self, sequence: int, engine: Engine, *, idle: bool) -> tuple[int, bytes] | None:
        """Save the engine's state when it is due and affordable; return the sequence number and the state if it was.

        A snapshot costs as much as the engine remembers, and holds up whatever comes meanwhile: 0.4 s at 170,000
        observations. So that an entry's share of the cost stays the same, a busy server waits for as many entries as it
        remembers observations, one that has a moment for a tenth of that.

        Raises
        ------
        StorageError
            If it cannot be saved; it is tried again.
        """
        remembered = engine.remembered
        if sequence - self._latest < max(SNAPSHOT_AFTER, remembered // IDLE_SHARE if idle else remembered):
            return None
        with making_what_lives_long():
            state = engine.snapshot()
            self._storage.save_snapshot(sequence, state)
        self._latest = sequence
        return sequence, state


@contextmanager
def making_what_lives_long() -> Iterator[None]:
    """Keep the garbage collector away meanwhile, and let it pass over all there is then.

    A full collection looks at every live observation: 130 ms at 100,000 of them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
