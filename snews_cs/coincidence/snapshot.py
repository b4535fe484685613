"""The engine's state as bytes, and back: JSON, because a snapshot outlives the version that wrote it."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from snews_cs.coincidence.cache import Cache
from snews_cs.coincidence.memory import Acceptance
from snews_cs.coincidence.sublists import Line, Standing, Sublist
from snews_cs.coincidence.types import CacheKey
from snews_cs.messages.types import Nanoseconds, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """One cache: its lines, its sublists as (number, line numbers, standing alert), and its memory."""

    key: CacheKey
    next_number: int
    lines: list[Line]
    sublists: list[tuple[int, tuple[int, ...], Standing | None]]
    accepted: list[tuple[str, str, tuple[Acceptance, ...]]]
    awaited: list[tuple[str, str, Nanoseconds]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """Everything that the next decision can depend on."""

    parameters: Parameters
    next_line: int
    next_arrival: int
    heartbeats: list[tuple[bool, str, bool, Nanoseconds]]
    caches: list[CacheState]


_STATE: TypeAdapter[EngineState] = TypeAdapter(EngineState)


def dump_state(state: EngineState) -> bytes:
    """Return the state as bytes."""
    return _STATE.dump_json(state)


def load_state(state: bytes) -> EngineState:
    """Return the state that :func:`dump_state` was given."""
    return _STATE.validate_json(state)


def cache_state(cache: Cache) -> CacheState:
    """Return the state of one cache."""
    return CacheState(
        key=cache.key,
        next_number=cache.next_number,
        lines=sorted(cache.live_lines()),
        sublists=sorted((each.number, each.line_ids, each.standing) for each in cache.live_sublists()),
        accepted=[(*identity, known) for identity, known in cache.memory.accepted.items()],
        awaited=[(*identity, since) for identity, since in cache.memory.awaited.items()],
    )


def load_cache(cache: Cache, state: CacheState) -> None:
    """Fill an empty cache with a state."""
    lines = {line.number: line for line in state.lines}
    sublists = []
    for number, line_numbers, standing in state.sublists:
        window = tuple(lines[each] for each in line_numbers)
        sublists.append(Sublist(window[0].time_ns, number, window, standing))
    cache.restore(state.lines, sublists, state.next_number)
    cache.memory.restore(
        {(detector, uuid): known for detector, uuid, known in state.accepted},
        {(detector, uuid): since for detector, uuid, since in state.awaited},
    )
