"""All detectors at a glance, as the store tells: for an operator's terminal, and for the server's log."""

from collections.abc import Iterable

from snews_cs.heartbeats.statistics import DetectorBeats, DetectorStatus, beats_of, summarise
from snews_cs.messages.times import NS_PER_S, describe_duration, format_utc
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.protocol import StoreReader
from snews_cs.storage.tables import HeartbeatRow

COLUMNS = ("DETECTOR", "STATUS", "LAST BEAT", "AGO", "BEATS", "INTERVAL", "SPREAD", "LATENCY", "MISSED")
"""The columns of :func:`row`; from BEATS on, they are about the heartbeats of the last 24 hours."""


def survey(
    store: StoreReader,
    registered: Iterable[str],
    now_ns: Nanoseconds,
    *,
    offline_after_ns: Nanoseconds,
    since_ns: Nanoseconds = 0,
    is_test: bool = False,
) -> list[DetectorBeats]:
    """Return the figures of each detector, by name in any case of letters.

    Parameters
    ----------
    store
        Holds the heartbeats, for ``HB_DELETE_AFTER``.
    registered
        Detectors that are looked for in any case; of others, those that were heard are there.
    now_ns
        The time, TAI ns.
    offline_after_ns
        ``HB_OFFLINE_AFTER``, ns.
    since_ns
        Look only at what was received then or later, TAI ns: who was heard before counts as not heard.
    is_test
        Whether to look at the beats of tests.

    Raises
    ------
    StorageError
        If the store fails.
    """
    beats = beats_of(store.rows(HeartbeatRow, since_ns=since_ns), is_test=is_test)
    names = sorted(beats.keys() | set(registered), key=str.casefold)
    return [summarise(name, beats.get(name, ()), now_ns, offline_after_ns=offline_after_ns) for name in names]


def heard(figures: Iterable[DetectorBeats]) -> tuple[list[DetectorBeats], list[str]]:
    """Return the figures of those that were heard, and the names of the others."""
    found = list(figures)
    unheard = [each.detector_name for each in found if each.status is DetectorStatus.UNHEARD]
    return [each for each in found if each.status is not DetectorStatus.UNHEARD], unheard


def row(figures: DetectorBeats, now_ns: Nanoseconds) -> tuple[str, ...]:
    """Return a detector's figures as a row of :data:`COLUMNS`; what is not known is left empty."""
    last_ns = figures.last_ns
    return (
        figures.detector_name,
        figures.status,
        "" if last_ns is None else f"{format_utc(last_ns)[:19]}Z",
        "" if last_ns is None else describe_duration(max(0, now_ns - last_ns)),  # clocks are set back
        str(figures.beats),
        _length(figures.interval_mean_s),
        _length(figures.interval_sigma_s),
        _length(figures.latency_median_s),
        str(figures.missed),
    )


def _length(length_s: float | None) -> str:
    if length_s is None:
        return ""
    return f"{'-' if length_s < 0 else ''}{describe_duration(round(length_s * NS_PER_S))}"
