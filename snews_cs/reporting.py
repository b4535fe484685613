"""One line in the log for each message, for the person who watches."""

import structlog

from snews_cs.coincidence.types import Outcome
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import Heartbeat, Observation, Retraction, SignificanceTier, TimingTier
from snews_cs.storage.entry import Entry

log = structlog.get_logger(__name__)


def report(entry: Entry) -> None:
    """Log what a message was and what became of it; alerts are logged where they are published."""
    where = f"{entry.raw.topic}/{entry.raw.partition}/{entry.raw.offset}"
    if entry.verdict.reason is not None:
        log.warning("message refused", reason=entry.verdict.reason, record=where)
        return
    for warning in entry.verdict.warnings:
        log.warning(warning, record=where)
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
