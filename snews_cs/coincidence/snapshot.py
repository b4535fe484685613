"""The engine's state as bytes, and back.

A line of JSON for each thing, so that neither writing nor reading holds a second copy of everything in memory; JSON
without names, because 100,000 observations are in it. What cannot be read any more is no loss: the journal has it all.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from pydantic_core import from_json, to_json

from snews_cs.coincidence.beats import BeatRow
from snews_cs.coincidence.cache import Cache
from snews_cs.coincidence.memory import Acceptance, Identity
from snews_cs.coincidence.noise import Alarm
from snews_cs.coincidence.sublists import Line, Standing, Sublist
from snews_cs.coincidence.types import CacheKey
from snews_cs.errors import UnreadableSnapshot
from snews_cs.messages.types import MESSAGE, Member, Nanoseconds, Parameters

FORMAT = [4, Line._fields, Standing._fields, Acceptance._fields, Member._fields, Alarm._fields]
"""What the rows below mean: a snapshot in which they meant something else is not read."""

EngineState = tuple[Parameters, int, int, list[BeatRow], dict[str, int], dict[str, Nanoseconds]]
"""Parameters, next line number, next arrival number, the last beat of each detector; of events of which alerts were
sent alone, the revision whose readers are right; and when each command was obeyed, by its message uuid."""


def dump(state: EngineState, caches: Iterable[Cache]) -> bytes:
    """Return the state of the engine and its caches as bytes."""
    parameters, *rest = state
    written = BytesIO()
    written.write(to_json([FORMAT, MESSAGE.dump_python(parameters), *rest]))
    for cache in caches:
        for row in _rows(cache):
            written.write(b"\n" + to_json(row))
    return written.getvalue()


def load(snapshot: bytes, caches: dict[CacheKey, Cache]) -> EngineState:
    """Fill empty caches from a snapshot, and return the rest of the engine's state.

    Raises
    ------
    UnreadableSnapshot
        The caches are then half filled and of no use.
    """
    rows = map(from_json, BytesIO(snapshot))
    try:
        version, parameters, next_line, next_arrival, beats, told, commands = next(rows)
        if version != from_json(to_json(FORMAT)):
            raise UnreadableSnapshot("a snapshot of another version")
        _fill(caches, rows)
        adopted = MESSAGE.validate_python(parameters)
        if not isinstance(adopted, Parameters):
            raise UnreadableSnapshot("a snapshot without parameters")
    except (ValueError, TypeError, KeyError, StopIteration) as error:
        raise UnreadableSnapshot(f"not a snapshot: {error!r}") from error
    return adopted, next_line, next_arrival, [tuple(beat) for beat in beats], told, commands


def _rows(cache: Cache) -> Iterator[tuple[Any, ...]]:
    yield ("cache", cache.key, cache.next_number)
    for line in sorted(cache.live):
        yield ("line", cache.live.later_arrivals(line), *line)
    for sublist in sorted(cache.live_sublists()):
        yield ("sublist", sublist.number, sublist.line_ids, sublist.standing)
    for detector_name, alarms in cache.live.alarms.items():
        yield ("alarms", detector_name, alarms)
    for identity in cache.memory.accepted:
        yield ("accepted", *identity, cache.memory.accepted_as(identity))
    for identity, since in cache.memory.awaited.items():
        yield ("awaited", *identity, since)


def _fill(caches: dict[CacheKey, Cache], rows: Iterator[list[Any]]) -> None:
    """Bring the rows into the caches; equal strings become one, as they were."""
    strings: dict[str, str] = {}
    cache = None
    for kind, *values in rows:
        match kind:
            case "cache":
                cache = caches[CacheKey(*values[0])]
                cache.next_number = values[1]
            case "line" if cache:
                later_arrivals, *values = values
                cache.live.restore(_line(values, strings), later_arrivals)
            case "sublist" if cache:
                cache.restore_sublist(_sublist(cache, *values))
            case "alarms" if cache:
                name, alarms = values
                cache.live.restore_alarms(strings.setdefault(name, name), (Alarm(*each) for each in alarms))
            case "accepted" if cache:
                detector, uuid, known = values
                cache.memory.restore(_identity(detector, uuid, strings), (Acceptance(*each) for each in known))
            case "awaited" if cache:
                detector, uuid, since = values
                cache.memory.awaited[_identity(detector, uuid, strings)] = since
            case _:
                raise UnreadableSnapshot(f"a row of unknown kind {kind!r}")
    for each in caches.values():
        each.memory.restore_order()


def _line(values: list[Any], strings: dict[str, str]) -> Line:
    return Line._make(strings.setdefault(each, each) if isinstance(each, str) else each for each in values)


def _sublist(cache: Cache, number: int, line_ids: list[int], standing: list[Any] | None) -> Sublist:
    lines = tuple(cache.live[each] for each in line_ids)
    return Sublist(lines[0].time_ns, number, lines, _standing(*standing) if standing else None)


def _standing(event_id: str, revision: int, alert_uuid: str, members: list[Any], member_lines: list[int]) -> Standing:
    return Standing(event_id, revision, alert_uuid, tuple(Member(*each) for each in members), tuple(member_lines))


def _identity(detector: str, uuid: str, strings: dict[str, str]) -> Identity:
    return strings.setdefault(detector, detector), strings.setdefault(uuid, uuid)
