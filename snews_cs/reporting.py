"""One line in the log for each message, for the person who watches; of a backlog, one line for many."""

from collections import Counter
from collections.abc import Sequence

import structlog

from snews_cs.coincidence.types import Outcome
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Heartbeat, Observation, Retraction, SignificanceTier, TimingTier
from snews_cs.storage.entry import Entry

log = structlog.get_logger(__name__)


BACKLOG = 20
"""How many messages at once are a backlog: a person cannot read them one by one, and the log would slow it down."""


def report(entries: Sequence[Entry]) -> None:
    """Log what messages were and what became of them; alerts are logged where they are published."""
    if len(entries) > BACKLOG:
        kinds = Counter(entry.message.kind for entry in entries if entry.message and entry.verdict.accepted)
        log.info("backlog", messages=len(entries), **{kind.replace("-", "_"): count for kind, count in kinds.items()})
    for entry in entries:
        _warn(entry)
        if len(entries) <= BACKLOG and entry.verdict.accepted:
            _inform(entry)


def _warn(entry: Entry) -> None:
    record = f"{entry.raw.topic}/{entry.raw.partition}/{entry.raw.offset}"
    if entry.verdict.reason is not None:
        log.warning("message refused", reason=entry.verdict.reason, record=record)
    for warning in entry.verdict.warnings:
        log.warning(warning, record=record)


def _inform(entry: Entry) -> None:
    match entry.message:
        case Observation() as message:
            log.info(
                "observation",
                became=_disposition(entry.outcome),
                detector=message.detector_name,
                neutrino_time=format_utc(message.neutrino_time_ns),
                p_value=message.p_value,
                sublists=_sublists(entry.outcome),
                **_marks(message.is_test, message.is_pre_sn),
            )
        case Retraction() as message:
            log.info(
                "retraction",
                became=_disposition(entry.outcome),
                detector=message.detector_name,
                target=message.retract_message_uuid or f"latest {message.retract_latest_n}",
                **_marks(message.is_test, message.is_pre_sn),
            )
        case Heartbeat() as message:
            log.debug("heartbeat", detector=message.detector_name, status=message.status)
        case SignificanceTier() | TimingTier() as message:
            log.info("message archived", kind=message.kind, detector=message.detector_name)
        case _:
            pass


def _disposition(outcome: Outcome | None) -> str:
    return str(outcome.disposition) if outcome else "not applied"


def _sublists(outcome: Outcome | None) -> list[int]:
    return [sublist.number for sublist in outcome.sublists] if outcome else []


def _marks(is_test: bool, is_pre_sn: bool) -> dict[str, bool]:
    return {name: True for name, on in (("test", is_test), ("pre_sn", is_pre_sn)) if on}
