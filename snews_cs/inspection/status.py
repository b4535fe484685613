"""How the server does, as its store tells: for an operator, and for a monitor that wants one word.

It is worked out beside the server and does not ask it: a server that has died is known by a journal that stands still.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from snews_cs.coincidence.cache import Cache
from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import CacheKey
from snews_cs.errors import UnreadableSnapshot
from snews_cs.inspection.replay import Replayed, decide_again
from snews_cs.messages.times import NS_PER_S, describe_duration
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.entry import Entry
from snews_cs.storage.protocol import StoreReader

UNPUBLISHED_NS = 10 * NS_PER_S
"""An alert that waits longer than this for the broker's acknowledgement is an emergency, ns."""

FEWEST_ONLINE = 2
"""With fewer detectors online there is hardly a coincidence to be seen."""

_VARIABLE = re.compile(
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|(?<![\w-])-?\d[\w:.+-]*"
    r"|(?<=, not )(?:[\[{(].*|None|True|False|nan)$",  # what ``quote`` makes of a value that is no text
    re.DOTALL,
)


class CacheStatus(NamedTuple):
    """What is live in one cache: observations, sublists they are in, and alerts that stand for these."""

    key: CacheKey
    observations: int
    sublists: int
    alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A store as it stands at ``now_ns`` (TAI ns).

    Parameters
    ----------
    entries
        Length of the journal.
    last
        Its last entry, None if it is empty.
    caches
        What is live in each cache.
    unpublished
        How many alerts are decided but not acknowledged by the broker.
    unpublished_ns
        How long the eldest of them has waited, ns.
    online, offline
        Detectors whose heartbeats (not of tests) say that they take data; others that ever sent one.
    noisy
        Detectors whose alarms of late an alert would flag (not of tests).
    offline_after_ns
        ``HB_OFFLINE_AFTER`` as it is in force, ns.
    refusals
        How many messages were refused, by kind of reason, the most frequent first.
    snapshot
        The entry after which the newest snapshot of the engine was taken, None without one.
    behind
        How many entries the projections are behind the journal.
    failed, first_failed
        On how many entries this version's engine fails, and on which first; what is live is counted without them.
    """

    now_ns: Nanoseconds
    entries: int
    last: Entry | None
    caches: tuple[CacheStatus, ...]
    unpublished: int
    unpublished_ns: Nanoseconds
    online: tuple[str, ...]
    offline: tuple[str, ...]
    noisy: tuple[str, ...]
    offline_after_ns: Nanoseconds
    refusals: Mapping[str, int]
    snapshot: Entry | None
    behind: int
    failed: int
    first_failed: Replayed | None


class Level(IntEnum):
    """How bad it is; the numbers are the exit codes that Nagios knows."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


def look(store: StoreReader, now_ns: Nanoseconds) -> Status:
    """Work out how the server does.

    Parameters
    ----------
    store
        Its store.
    now_ns
        The time, TAI ns.

    Raises
    ------
    StorageError
        If the store fails.
    """
    unpublished = store.unpublished()
    projected = store.projected()
    engine, sequence, snapshot, failed, first_failed = _engine(store)
    online = engine.detectors_online(now_ns)
    known = {beat.detector_name for beat in engine.heartbeats() if not beat.is_test}
    return Status(
        now_ns=now_ns,
        entries=sequence,
        last=store.entry(sequence),
        caches=tuple(_cache(cache, now_ns) for cache in engine.caches.values()),
        unpublished=sum(len(entry.alerts_json) for entry in unpublished),
        unpublished_ns=max(0, now_ns - unpublished[0].received_ns) if unpublished else 0,  # clocks are set back
        online=tuple(sorted(online)),
        offline=tuple(sorted(known - online)),
        noisy=tuple(sorted(engine.noisy_detectors(now_ns))),
        offline_after_ns=engine.parameters.offline_after_ns,
        refusals=_by_kind(store.refusals()),
        snapshot=snapshot,
        behind=sequence - projected,
        failed=failed,
        first_failed=first_failed,
    )


def judge(status: Status) -> tuple[Level, list[str]]:
    """Return how bad it is, and why, the worst first."""
    critical, warnings = [], []
    if status.unpublished and status.unpublished_ns > UNPUBLISHED_NS:
        waiting = describe_duration(status.unpublished_ns)
        critical.append(f"{status.unpublished} alerts not published for {waiting}")
    if (first := status.first_failed) is not None:
        warnings.append(
            f"the engine fails on {status.failed} entries, first on entry {first.entry.sequence}: {first.failure}"
        )
    if status.last is None:
        warnings.append("the journal is empty")
    elif (silence_ns := status.now_ns - status.last.received_ns) > status.offline_after_ns:
        warnings.append(f"nothing journaled for {describe_duration(silence_ns)}")
    if len(status.online) < FEWEST_ONLINE:
        warnings.append(f"{len(status.online)} detectors online")
    level = Level.CRITICAL if critical else Level.WARNING if warnings else Level.OK
    return level, critical + warnings


def kind_of(reason: str) -> str:
    """Return a reason for a refusal without what is in it of the message: numbers, times and quoted text."""
    return _VARIABLE.sub("…", reason)


def _engine(store: StoreReader) -> tuple[Engine, int, Entry | None, int, Replayed | None]:
    """Return the engine as the journal leaves it.

    Returns
    -------
    tuple
        The engine, the last sequence number, where the newest snapshot stands, on how many entries the engine failed,
        and the first of them.
    """
    engine, sequence, snapshot = Engine(), 0, None
    failed, first_failed = 0, None
    if (found := store.latest_snapshot()) is not None:
        snapshot = store.entry(found[0])
        try:
            engine, sequence = Engine.restore(found[1]), found[0]
        except UnreadableSnapshot:
            sequence = 0  # of another version: the journal has it all
    for entry in store.entries(sequence):
        replayed = decide_again(engine, entry)
        if replayed.failure is not None:
            failed, first_failed = failed + 1, first_failed or replayed
        sequence = entry.sequence
    return engine, sequence, snapshot, failed, first_failed


def _cache(cache: Cache, now_ns: Nanoseconds) -> CacheStatus:
    """Count what is live now: the engine lets go of what is over only when the next message comes."""
    live = {line.line_id: line.detector_name for line in cache.lines() if line.expires_ns > now_ns}
    detectors = [
        (sublist.event_id, {live[line] for line in sublist.line_ids if line in live}) for sublist in cache.sublists()
    ]
    return CacheStatus(
        key=cache.key,
        observations=len(live),
        sublists=sum(bool(names) for _, names in detectors),
        alerts=sum(event_id is not None and len(names) > 1 for event_id, names in detectors),
    )


def _by_kind(refusals: Mapping[str, int]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for reason, count in refusals.items():
        kinds[kind_of(reason)] += count
    return dict(kinds.most_common())
