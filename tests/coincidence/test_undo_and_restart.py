"""What was taken back leaves no trace, and a restart from a snapshot changes nothing that is said afterwards."""

from collections.abc import Callable
from typing import cast

import pytest

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Outcome
from snews_cs.messages.types import HardReset, Member, SentAlone
from tests.coincidence.sky import HOUR, MINUTE, NOON, REAL, SECOND, TEST, Sky

DAY = 24 * HOUR
Words = Callable[[Sky], Outcome]


def leap(sky: Sky, to: int) -> Outcome:
    sky.now = to
    return sky.beats("d5", "OFF")


def reconcile(sky: Sky, event_id: str, revision: int) -> Outcome:
    members = (Member("d8", NOON, None, "d8"), Member("d9", NOON, None, "d9"))
    return sky.reconciles(
        SentAlone(
            event_id=event_id,
            is_pre_sn=False,
            sub_list_number=7,
            revision=revision,
            alert_uuid=f"alert {revision}",
            members=members,
        )
    )


def standing(sky: Sky) -> str:
    """Return the id of the first event that stands; of none if there is none."""
    return next((each.event_id for each in sky.decider.caches[REAL].sublists() if each.event_id), "none")


WORDS: dict[str, Words] = {
    "a new line": lambda sky: sky.sees("d4", 5 * SECOND, uuid="fresh"),
    "a new line in two sublists": lambda sky: sky.sees("d4", 10 * SECOND, uuid="fresh"),
    "a new line, earlier": lambda sky: sky.sees("d3", -5 * SECOND, uuid="fresh"),
    "a lonely line": lambda sky: sky.sees("d1", 500 * SECOND, uuid="fresh"),
    "a refinement": lambda sky: sky.sees("d2", 10 * SECOND, p=0.3, uuid="d2"),
    "the same refinement by another": lambda sky: sky.sees("d2", 10 * SECOND, p=0.3, uuid="other"),
    "a repeat": lambda sky: sky.sees("d1", 0, p=0.1, uuid="repeat"),
    "one more under a uuid of many": lambda sky: sky.sees("d6", -5 * MINUTE, uuid="always"),
    "one of the many again": lambda sky: sky.sees("d6", -MINUTE * 6, uuid="always"),
    "a retraction of many": lambda sky: sky.retracts("d6", "always"),
    "a redelivery": lambda sky: sky.sees("d1", 0, p=0.1, uuid="d1"),
    "what was retracted before": lambda sky: sky.sees("d4", 3 * SECOND, uuid="awaited"),
    "what may be retracted": lambda sky: sky.sees("d4", 3 * SECOND, uuid="early"),
    "a retraction": lambda sky: sky.retracts("d2", "d2"),
    "a retraction of a repeat": lambda sky: sky.retracts("d1", "repeat"),
    "a retraction to wait for": lambda sky: sky.retracts("d4", "early"),
    "a retraction of the latest": lambda sky: sky.retracts("d3", latest=1),
    "a retraction of all": lambda sky: sky.retracts("d1", latest="ALL"),
    "a heartbeat": lambda sky: sky.beats("d4"),
    "a last heartbeat": lambda sky: sky.beats("d3", "OFF"),
    "a reset": lambda sky: sky.reset(is_test=False),
    "a command that may come again": lambda sky: sky.tell(HardReset(detector_name="", message_uuid="it", is_test=True)),
    "a test": lambda sky: sky.sees("d3", 9 * SECOND, cache=TEST, uuid="fresh"),
    "an alert sent alone of an event that stands": lambda sky: reconcile(sky, standing(sky), 4),
    "an alert sent alone as high as what stands": lambda sky: reconcile(sky, standing(sky), 1),
    "an alert sent alone of no event": lambda sky: reconcile(sky, "of nobody", 1),
    "a later one": lambda sky: reconcile(sky, "of nobody", 2),
    "some expire": lambda sky: leap(sky, DAY + 5 * SECOND),
    "all expire": lambda sky: leap(sky, 3 * DAY),
}


def prepared(sky: Sky) -> Sky:
    """Let the README example happen, with a repeat, a refinement, a test, a retraction that waits, a uuid for all."""
    for number in range(10):
        sky.sees("d6", -(number + 6) * MINUTE, uuid="always")
    for name in ("d1", "d2", "d3"):
        sky.beats(name)
    sky.sees("d1", 0, p=0.1, uuid="d1")
    sky.sees("d2", 9 * SECOND, p=0.2, uuid="d2")
    sky.sees("d3", round(11.5 * SECOND), uuid="d3")
    sky.sees("d3", 11 * SECOND, uuid="d3")
    sky.sees("d3", 11 * SECOND, uuid="d3 again")
    sky.sees("d1", 0, cache=TEST)
    sky.retracts("d4", "awaited")
    sky.now += MINUTE
    return sky


def state(sky: Sky) -> list[object]:
    return [(cache.lines(), cache.sublists(), dict(cache.live.alarms)) for cache in engine_of(sky).caches.values()]


def engine_of(sky: Sky) -> Engine:
    """Return the engine under this sky."""
    return cast(Engine, sky.decider)


def another(sky: Sky) -> Sky:
    """Return a prepared sky with an engine of the same kind."""
    return prepared(Sky(type(engine_of(sky))()))


@pytest.fixture
def sky() -> Sky:
    """Return an empty sky over the engine; the oracle knows no undo."""
    return Sky(Engine())


def take_back(sky: Sky, clock: int, count: int) -> None:
    """Undo what was said last, and go back to that time."""
    engine_of(sky).undo()
    sky.now, sky.said = clock, count


@pytest.mark.parametrize("probe", WORDS.values(), ids=WORDS)
def test_undo_leaves_no_trace(sky: Sky, probe: Words) -> None:
    """What is said next is answered as if what was taken back had never been said, however much that was."""
    one, other = another(sky), another(sky)
    before, clock, count = state(one), one.now, one.said
    answer = probe(other)
    for said in WORDS.values():
        said(one)
        take_back(one, clock, count)
        assert state(one) == before
        assert probe(one) == answer
        assert state(one) == state(other)
        take_back(one, clock, count)


@pytest.mark.parametrize("said", WORDS.values(), ids=WORDS)
def test_restart_changes_nothing_that_is_said_afterwards(sky: Sky, said: Words) -> None:
    one, other = another(sky), another(sky)
    said(one)
    said(other)
    kept, clock, count = engine_of(one).snapshot(), one.now, one.said
    for probe in WORDS.values():
        one.decider = type(engine_of(one)).restore(kept)
        one.now, one.said = clock, count
        assert state(one) == state(other)
        assert probe(one) == probe(other)
        assert state(one) == state(other)
        take_back(other, clock, count)


def test_several_messages_are_taken_back_newest_first(sky: Sky) -> None:
    engine = engine_of(sky)
    states = [state(sky)]
    for said in WORDS.values():
        said(sky)
        states.append(state(sky))
    while len(states) > 1:
        assert state(sky) == states.pop()
        engine.undo()
    assert state(sky) == states.pop()


def test_what_is_settled_is_not_taken_back(sky: Sky) -> None:
    engine = engine_of(sky)
    sky.sees("d1", 0)
    engine.settle()
    with pytest.raises(IndexError):
        engine.undo()
    assert len(sky.lines()) == 1
