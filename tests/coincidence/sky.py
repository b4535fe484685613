"""Short words for what is said and seen, so that the named tests read like SPEC."""

from typing import Any, Literal

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert, CacheKey, LineRecord, Outcome
from snews_cs.messages.types import HardReset, Heartbeat, Message, Observation, Reconcile, Retraction, SentAlone
from tests.coincidence.oracle import HOUR, SECOND, Oracle

REAL = CacheKey(is_test=False, is_pre_sn=False)
TEST = CacheKey(is_test=True, is_pre_sn=False)
PRE_SN = CacheKey(is_test=False, is_pre_sn=True)
NOON = 1_700_000_000 * SECOND
MINUTE = 60 * SECOND

__all__ = [
    "HOUR",
    "MINUTE",
    "NOON",
    "PRE_SN",
    "REAL",
    "SECOND",
    "TEST",
    "Sky",
    "names",
    "seconds",
    "sent_alone",
    "times",
    "types",
]


class Sky:
    """A decider and a clock. Times are ns after noon; ``now`` stays where the test put it.

    ``said`` counts the messages, which gives each its key, and a uuid if none is given.
    """

    def __init__(self, decider: Engine | Oracle) -> None:
        self.decider = decider
        self.now = MINUTE
        self.said = 0

    def sees(
        self,
        detector: str,
        at: int,
        *,
        p: float | None = None,
        uuid: str | None = None,
        cache: CacheKey = REAL,
    ) -> Outcome:
        """Let a detector report a burst; without a uuid it is a new message."""
        return self.tell(
            Observation(
                detector_name=detector,
                message_uuid=uuid or f"message {self.said}",
                neutrino_time_ns=NOON + at,
                p_value=p,
                is_test=cache.is_test,
                is_pre_sn=cache.is_pre_sn,
            )
        )

    def retracts(
        self,
        detector: str,
        uuid: str | None = None,
        *,
        latest: int | Literal["ALL"] | None = None,
        cache: CacheKey = REAL,
    ) -> Outcome:
        """Let a detector take something back."""
        return self.tell(
            Retraction(
                detector_name=detector,
                message_uuid=f"message {self.said}",
                retract_message_uuid=uuid,
                retract_latest_n=latest,
                is_test=cache.is_test,
                is_pre_sn=cache.is_pre_sn,
            )
        )

    def beats(self, detector: str, status: Literal["ON", "OFF"] = "ON", *, is_test: bool = False) -> Outcome:
        """Let a detector say that it is on or off."""
        return self.tell(
            Heartbeat(detector_name=detector, message_uuid=f"message {self.said}", status=status, is_test=is_test)
        )

    def reset(self, *, is_test: bool) -> Outcome:
        """Empty the tests' caches, or the real ones."""
        return self.tell(HardReset(detector_name="", message_uuid=f"message {self.said}", is_test=is_test))

    def reconciles(self, *alerts: SentAlone, merged: tuple[str, ...] = (), is_test: bool = False) -> Outcome:
        """Say that these alerts went out while the store was away."""
        return self.tell(Reconcile(is_test=is_test, alerts=alerts, merged=merged))

    def tell(self, message: Message) -> Outcome:
        """Say anything, now."""
        self.said += 1
        return self.decider.apply(message, NOON + self.now, f"key {self.said}")

    def sublists(self, cache: CacheKey = REAL) -> dict[int, list[tuple[str, int]]]:
        """Return what is in each sublist, by number: (detector, time after noon), earliest first."""
        there = {line.line_id: (line.detector_name, line.neutrino_time_ns - NOON) for line in self.lines(cache)}
        return {
            sublist.number: [there[line_id] for line_id in sublist.line_ids]
            for sublist in self.decider.caches[cache].sublists()
        }

    def lines(self, cache: CacheKey = REAL) -> list[LineRecord]:
        """Return the live lines."""
        return self.decider.caches[cache].lines()

    def standing(self, cache: CacheKey = REAL) -> list[int]:
        """Return the numbers of the sublists with a standing alert."""
        return [sublist.number for sublist in self.decider.caches[cache].sublists() if sublist.event_id is not None]


def types(outcome: Outcome) -> list[tuple[str, int]]:
    """Return type and sublist number of each alert, in order."""
    return [(str(alert.alert_type), alert.sub_list_number) for alert in outcome.alerts]


def sent_alone(alert: Alert, **changed: Any) -> SentAlone:
    """Return an alert as one that went out while the store was away, with the fields that are given changed."""
    given: dict[str, Any] = {
        "event_id": alert.event_id,
        "is_pre_sn": alert.cache.is_pre_sn,
        "sub_list_number": alert.sub_list_number,
        "revision": alert.revision,
        "alert_uuid": f"{alert.alert_uuid}, but alone",
        "members": alert.members,
    }
    return SentAlone(**{**given, **changed})


def names(alert: Alert) -> list[str]:
    """Return the members' names, in order."""
    return [member.detector_name for member in alert.members]


def times(sky: Sky, cache: CacheKey = REAL) -> dict[int, list[int]]:
    """Return the times after noon in each sublist, by number."""
    return {number: [at for _, at in members] for number, members in sky.sublists(cache).items()}


def seconds(*values: float) -> list[int]:
    """Return so many seconds, each in ns."""
    return [round(value * SECOND) for value in values]
