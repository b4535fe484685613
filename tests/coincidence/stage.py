"""What detectors may say next, and when: moves of a play in which coincidences, exact boundaries and ties are common.

A move asks ``choose`` for each thing that could be otherwise, so the same moves serve hypothesis (which then shrinks
them) and a seeded random generator.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from snews_cs.coincidence.types import CacheKey
from snews_cs.messages.types import (
    HardReset,
    Heartbeat,
    Message,
    Observation,
    Parameters,
    Reconcile,
    Retraction,
    SignificanceTier,
)
from tests.coincidence.definitions import Line, OracleCache
from tests.coincidence.oracle import HOUR, SECOND
from tests.coincidence.stage_alone import sent_alone
from tests.coincidence.trial import Trial

Choose = Callable[[Sequence[Any]], Any]
"""Picks one of several."""

BEGINNING = 1_700_000_000 * SECOND
DETECTORS = ("IceCube", "JUNO", "KM3NeT", "Super-K", "XENONnT")
CACHES = (*[CacheKey(False, False)] * 5, *[CacheKey(True, False)] * 2, CacheKey(False, True))
P_VALUES = (None, 0.01, 0.5)
JITTER = (-1, 0, 0, 0, 0, 1)
NEIGHBOURHOOD = tuple(
    sign * distance
    for distance in (0, SECOND // 2, 4 * SECOND, 5 * SECOND, 10 * SECOND - 1, 10 * SECOND, 10 * SECOND + 1, 20 * SECOND)
    for sign in (-1, 1)
)
REFINEMENTS = tuple(
    sign * distance for distance in (0, SECOND // 4, SECOND // 2, SECOND, SECOND + 1) for sign in (-1, 1)
)
PAUSES = (0, 1, SECOND, SECOND, 3 * SECOND, 30 * SECOND)
QUIET = (600 * SECOND, *[hours * HOUR for hours in (1, 10, 24, 3 * 24, 7 * 24, 30 * 24)])
LEAPS = (600 * SECOND, HOUR, 12 * HOUR, 24 * HOUR, 30 * HOUR)

PARAMETERS = Parameters(background_rates_per_week={"IceCube": 7.0, "JUNO": 0.5})


class Stage:
    """Makes the next message, or moves the clock. The oracle's state tells what would be worth trying."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.now = self.latest = BEGINNING
        self.scene = BEGINNING - 30 * SECOND
        self.said: list[Observation] = []
        self.resets: list[HardReset] = []
        self.announced: list[Retraction] = []
        self.reconciled: list[Reconcile] = []
        self._uuids = 0

    # Observations

    def observe(self, choose: Choose) -> None:
        """Say something new: anywhere on the scene's grid, or near what is there already."""
        key = choose(CACHES)
        near = [line.time_ns for line in self.live(key)]
        if near and choose((True, False)):
            time_ns = choose(near) + choose(NEIGHBOURHOOD)
        else:
            time_ns = self.scene + choose(range(61)) * SECOND // 2 + choose(JITTER)
        self._say(self._observation(key, choose(DETECTORS), time_ns, choose(P_VALUES), self._uuid(choose)))

    def observe_at_the_end(self, choose: Choose) -> None:
        """Say something that is over, or just not."""
        time_ns = self.now - 24 * HOUR + choose((-1, 0, 1))
        self._say(self._observation(choose(CACHES), choose(DETECTORS), time_ns, choose(P_VALUES), self._uuid(choose)))

    def cry_wolf(self, choose: Choose) -> None:
        """See, alone, so many things that the table of SNEWS 1.0 has an opinion on them."""
        key, name = choose(CACHES), choose(DETECTORS)
        for number in range(1, choose((2, 3, 4, 11)) + 1):
            self._say(self._observation(key, name, self.now - number * 20 * SECOND, None, self.fresh_uuid()))

    def refine(self, choose: Choose) -> None:
        """Say the same a little differently."""
        for key, line in self._a_line(choose):
            time_ns = line.anchor_ns + choose(REFINEMENTS)
            uuid = choose((line.message_uuid, self.fresh_uuid()))
            self._say(self._observation(key, line.detector_name, time_ns, choose(P_VALUES), uuid))

    def repeat(self, choose: Choose) -> None:
        """Say exactly the same as a new message."""
        for key, line in self._a_line(choose):
            self._say(self._observation(key, line.detector_name, line.time_ns, line.p_value, self._uuid(choose)))

    def resend(self, choose: Choose) -> None:
        """Deliver a message once more, perhaps after 48 h, to another cache, or with something changed."""
        if self.said:
            message = choose((choose(self.said), self.said[-1]))
            change = choose(("nothing", "nothing", "nothing", "age", "p-value", "time", "cache"))
            if change == "p-value":
                message = replace(message, p_value=choose(P_VALUES))
            elif change == "time":
                message = replace(message, neutrino_time_ns=message.neutrino_time_ns + choose(NEIGHBOURHOOD))
            elif change == "age":
                self._outlast(choose, self._cache(message).accepted.values())
            elif change == "cache":
                key = choose(CACHES)
                message = replace(message, is_test=key.is_test, is_pre_sn=key.is_pre_sn)
            self._say(message)

    # Retractions

    def retract(self, choose: Choose) -> None:
        """Take back a message that counts."""
        for key, line in self._a_line(choose):
            _, uuid = choose(line.messages)
            self._retract(key, line.detector_name, uuid=uuid)

    def retract_something_said(self, choose: Choose) -> None:
        """Take any message back, sometimes at the wrong place or in another's name."""
        if self.said:
            message = choose(self.said)
            key = choose((CacheKey(message.is_test, message.is_pre_sn), CacheKey(False, True)))
            name = choose((message.detector_name, message.detector_name, choose(DETECTORS)))
            self._retract(key, name, uuid=message.message_uuid)

    def retract_before(self, choose: Choose) -> None:
        """Take a message back that has not come yet."""
        self.announced.append(self._retract(choose(CACHES), choose(DETECTORS), uuid=self.fresh_uuid()))

    def observe_what_was_retracted(self, choose: Choose) -> None:
        """Say what was taken back before it came, perhaps 48 h later; sometimes take it back again first."""
        if self.announced:
            retraction = choose((choose(self.announced), self.announced[-1]))
            key = CacheKey(retraction.is_test, retraction.is_pre_sn)
            if choose((False, False, True)):
                self._outlast(choose, self._cache(retraction).waiting.values())
            if choose((False, False, True)):
                self._tell(retraction)
                self._set_clock(self.now + choose((0, 1, HOUR, 24 * HOUR)))
            time_ns = self.now - choose(range(61)) * SECOND // 2
            uuid = retraction.retract_message_uuid or ""
            self._say(self._observation(key, retraction.detector_name, time_ns, choose(P_VALUES), uuid))

    def retract_latest(self, choose: Choose) -> None:
        """Take the latest n messages of a detector back, or all of them."""
        for key, line in self._a_line(choose):
            name = choose((line.detector_name, line.detector_name, choose(DETECTORS)))
            self._retract(key, name, latest=choose((1, 1, 2, 3, "ALL")))

    # Other messages

    def heartbeat(self, choose: Choose) -> None:
        """Say that a detector is on or off."""
        is_test, status = choose((False, False, True)), choose(("ON", "ON", "OFF"))
        self._tell(
            Heartbeat(detector_name=choose(DETECTORS), message_uuid=self.fresh_uuid(), is_test=is_test, status=status)
        )

    def all_heartbeats(self, choose: Choose) -> None:
        """Say that every detector is on."""
        is_test = choose((False, True))
        for name in DETECTORS:
            self._tell(Heartbeat(detector_name=name, message_uuid=self.fresh_uuid(), is_test=is_test, status="ON"))

    def something_else(self, choose: Choose) -> None:
        """Say what is not for the engine, but makes it look at the clock."""
        uuid = choose(self.said).message_uuid if self.said else self.fresh_uuid()
        self._tell(SignificanceTier(detector_name=choose(DETECTORS), message_uuid=uuid, p_values=(0.5,)))

    def hard_reset(self, choose: Choose) -> None:
        """Empty the tests' caches, or the real ones."""
        reset = HardReset(detector_name="", message_uuid=self.fresh_uuid(), is_test=choose((True, True, False)))
        self.resets.append(reset)
        self._tell(reset)

    def replayed_reset(self, choose: Choose) -> None:
        """Send a command again that somebody has recorded."""
        if self.resets:
            self._tell(choose(self.resets))

    # Alerts sent alone

    def reconcile(self, choose: Choose) -> None:
        """Say that alerts went out without the journal: of events that stand, that ended, that never were."""
        self.reconciled.append(sent_alone(self, choose))
        self._tell(self.reconciled[-1])

    def reconcile_again(self, choose: Choose) -> None:
        """Say so once more, as another server does that was alone too."""
        if self.reconciled:
            self._tell(replace(choose(self.reconciled), merged=()))

    # Time

    def pause(self, choose: Choose) -> None:
        """Let time pass, or let the clock step back a little."""
        self._set_clock(self.now + choose((*PAUSES, -1, -5 * SECOND)))

    def leap(self, choose: Choose) -> None:
        """Let much time pass, or set the clock back, and begin another scene."""
        self._set_clock(self.now + choose((*LEAPS, -HOUR)))
        self._begin_another_scene(choose)

    def leap_to_boundary(self, choose: Choose) -> None:
        """Go to when something ends: a line, a message's memory, a retraction's wait, a beat; or just beside."""
        caches = self.trial.oracle.caches.values()
        ends = [
            *[line.expires_ns for cache in caches for line in cache.live.values()],
            *[received_ns + 48 * HOUR for cache in caches for received_ns in cache.accepted.values()],
            *[received_ns + 48 * HOUR for cache in caches for received_ns in cache.waiting.values()],
            *[beat.received_ns + 600 * SECOND for beat in self.trial.oracle.beats],
        ]
        ahead = sorted({end for end in ends if end > self.now})
        if ahead:
            self._set_clock(choose((ahead[0], choose(ahead[:8]), choose(ahead))) + choose((-1, 0, 1)))
            self._begin_another_scene(choose)

    def leap_to_quiet(self, choose: Choose) -> None:
        """Go to when an alarm was as long ago as the table of SNEWS 1.0 looks back, or just beside."""
        alarms = [alarm.received_ns for cache in self.trial.oracle.caches.values() for alarm in cache.alarms]
        if alarms:
            self._set_clock(choose((alarms[-1], choose(alarms))) + choose(QUIET) + choose((-1, 0, 1)))
            self.scene = self.now - 30 * SECOND

    def _outlast(self, choose: Choose, received_ns: Iterable[int]) -> None:
        """Go to 48 h after one of these was received, or just beside."""
        ends = [each + 48 * HOUR for each in received_ns]
        if ends:
            self._set_clock(choose(ends) + choose((-1, 0, 1)))
            self._begin_another_scene(choose)

    def _set_clock(self, now: int) -> None:
        """Set the clock, never more than an hour back: a memory of 48 h may be dropped after 49."""
        self.latest = max(self.latest, now)
        self.now = max(now, self.latest - HOUR)

    def _begin_another_scene(self, choose: Choose) -> None:
        """Mostly now; sometimes long ago, where observations are nearly over, or just are."""
        self.scene = choose(
            (self.scene, self.now - 30 * SECOND, self.now - 24 * HOUR, self.now - 24 * HOUR + 20 * SECOND)
        )

    # Second thoughts

    def undo(self, choose: Choose) -> None:
        """Take some messages back and say something else."""
        if self.trial.undoable:
            self.trial.undo(choose(range(1, min(5, self.trial.undoable) + 1)))

    def undo_and_again(self, choose: Choose) -> None:
        """Take some messages back and tell them again."""
        if self.trial.undoable:
            self.trial.again(self.trial.undo(choose(range(1, min(5, self.trial.undoable) + 1))))

    def settle(self, choose: Choose) -> None:
        """Make what was said final."""
        self.trial.settle()

    def restart(self, choose: Choose) -> None:
        """Stop, and start again from a snapshot."""
        self.trial.restart()

    # How it is said

    def live(self, key: CacheKey) -> list[Line]:
        """Return what a cache holds."""
        return list(self.trial.oracle.caches[key].live.values())

    def _cache(self, message: Observation | Retraction) -> OracleCache:
        return self.trial.oracle.caches[CacheKey(message.is_test, message.is_pre_sn)]

    def _a_line(self, choose: Choose) -> Iterator[tuple[CacheKey, Line]]:
        """One live line and its cache, if there is any."""
        lines = [(key, line) for key in dict.fromkeys(CACHES) for line in self.live(key)]
        if lines:
            yield choose(lines)

    def fresh_uuid(self) -> str:
        """Return a uuid that nobody has used."""
        self._uuids += 1
        return f"uuid-{self._uuids}"

    def _uuid(self, choose: Choose) -> str:
        """Most often a new one; but ids are not unique."""
        used = choose(self.said).message_uuid if self.said and choose(range(6)) == 0 else None
        return used or self.fresh_uuid()

    def _observation(self, key: CacheKey, name: str, time_ns: int, p_value: float | None, uuid: str) -> Observation:
        return Observation(
            detector_name=name,
            message_uuid=uuid,
            neutrino_time_ns=time_ns,
            p_value=p_value,
            is_test=key.is_test,
            is_pre_sn=key.is_pre_sn,
        )

    def _say(self, message: Observation) -> None:
        self.said.append(message)
        self._tell(message)

    def _retract(
        self, key: CacheKey, name: str, *, uuid: str | None = None, latest: int | Literal["ALL"] | None = None
    ) -> Retraction:
        message = Retraction(
            detector_name=name,
            message_uuid=self.fresh_uuid(),
            is_test=key.is_test,
            is_pre_sn=key.is_pre_sn,
            retract_message_uuid=uuid,
            retract_latest_n=latest,
        )
        self._tell(message)
        return message

    def _tell(self, message: Message) -> None:
        self.trial.apply(message, self.now)


Move = Callable[[Stage, Choose], None]

MOVES: dict[Move, int] = {
    Stage.observe: 40,
    Stage.observe_at_the_end: 1,
    Stage.cry_wolf: 1,
    Stage.refine: 12,
    Stage.repeat: 4,
    Stage.resend: 4,
    Stage.retract: 10,
    Stage.retract_something_said: 2,
    Stage.retract_before: 3,
    Stage.observe_what_was_retracted: 4,
    Stage.retract_latest: 4,
    Stage.heartbeat: 2,
    Stage.all_heartbeats: 1,
    Stage.something_else: 1,
    Stage.hard_reset: 1,
    Stage.replayed_reset: 1,
    Stage.reconcile: 4,
    Stage.reconcile_again: 2,
    Stage.pause: 6,
    Stage.leap: 1,
    Stage.leap_to_boundary: 4,
    Stage.leap_to_quiet: 2,
    Stage.undo: 2,
    Stage.undo_and_again: 4,
    Stage.settle: 1,
    Stage.restart: 2,
}
"""Every move and how often it is made, against the others, in a random play."""


def random_play(trial: Trial, seed: int, moves: int) -> None:
    """Make so many moves, each drawn by a generator of that seed."""
    rng = random.Random(seed)
    stage = Stage(trial)
    for move in rng.choices(list(MOVES), weights=list(MOVES.values()), k=moves):
        move(stage, rng.choice)
