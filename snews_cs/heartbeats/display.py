"""The table of heartbeats in the log, for who asks with ``display-heartbeats``; a thread of its own reads the store."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import structlog

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Disposition
from snews_cs.errors import SnewsError
from snews_cs.heartbeats.statistics import DAY_NS, DetectorBeats
from snews_cs.heartbeats.survey import heard, survey
from snews_cs.messages.times import NS_PER_S, format_utc
from snews_cs.messages.types import DisplayHeartbeats, Nanoseconds
from snews_cs.server.observer import Nobody, Standing
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import StoreReader

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0
"""How long the end of the server waits for a table that is being written, s."""


class HeartbeatDisplay(Nobody):
    """Logs the table when a server has taken in a command to, until its context ends; nobody waits for it.

    Parameters
    ----------
    open_store
        Opens the store to look at it.
    registered
        Names of the detectors that are named if they were not heard for a day.
    offline_after_ns
        ``HB_OFFLINE_AFTER``, ns.
    now
        The clock, TAI ns.
    """

    def __init__(
        self,
        open_store: Callable[[], AbstractContextManager[StoreReader]],
        registered: Sequence[str],
        *,
        offline_after_ns: Nanoseconds,
        now: Callable[[], Nanoseconds],
    ) -> None:
        self._open_store = open_store
        self._registered = registered
        self._offline_after_ns = offline_after_ns
        self._now = now
        self._is_wanted = False
        self._asked = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._answer, name="display-heartbeats", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._is_over = True
        self._asked.set()
        self._thread.join(PATIENCE_S)

    def journaled(self, entries: Sequence[Entry]) -> None:
        """Be told that messages were taken in."""
        self._is_wanted = self._is_wanted or any(map(_asks, entries))

    def round_done(self, standing: Standing, engine: Engine) -> None:  # noqa: ARG002  # neither matters here
        """Be told that the loop came round, and that heartbeats that came before a command are in the store.

        All who ask while a table is being written get one more together.
        """
        if self._is_wanted:
            self._is_wanted = False
            self._asked.set()

    def _answer(self) -> None:
        while self._asked.wait() and not self._is_over:
            self._asked.clear()
            try:
                self._show()
            except SnewsError as error:
                log.error("heartbeats cannot be shown", error=str(error))

    def _show(self) -> None:
        now_ns = self._now()
        with self._open_store() as store:
            real, of_tests = (
                survey(
                    store,
                    names,
                    now_ns,
                    offline_after_ns=self._offline_after_ns,
                    since_ns=now_ns - DAY_NS,  # a week of beats would take processor time that alerts may need
                    is_test=is_test,
                )
                for names, is_test in ((self._registered, False), ((), True))
            )
        there, unheard = heard(real)
        for figures in there:
            log.info("heartbeats", **_fields(figures, now_ns))
        for figures in of_tests:
            log.info("heartbeats", **_fields(figures, now_ns), test=True)
        log.info("heartbeats shown", detectors=len(there), not_heard_for_a_day=", ".join(unheard))


def _asks(entry: Entry) -> bool:
    is_obeyed = entry.outcome is not None and entry.outcome.disposition is not Disposition.DUPLICATE
    return is_obeyed and isinstance(entry.message, DisplayHeartbeats)


def _fields(figures: DetectorBeats, now_ns: Nanoseconds) -> dict[str, object]:
    """Return what is known of a detector; lengths of time in s."""
    last_ns = figures.last_ns
    known = {
        "detector": figures.detector_name,
        "status": str(figures.status),
        "last": None if last_ns is None else format_utc(last_ns),
        "ago_s": None if last_ns is None else round((now_ns - last_ns) / NS_PER_S, 1),
        "beats": figures.beats,
        "interval_s": _rounded(figures.interval_mean_s),
        "spread_s": _rounded(figures.interval_sigma_s),
        "latency_s": _rounded(figures.latency_median_s),
        "missed": figures.missed,
    }
    return {name: value for name, value in known.items() if value is not None}


def _rounded(length_s: float | None) -> float | None:
    return None if length_s is None else round(length_s, 3)
