"""One line in the log for each message, for the person who watches; of a backlog, one line for many."""

from collections import Counter
from collections.abc import Sequence

import structlog

from snews_cs.coincidence.types import Disposition, Outcome
from snews_cs.messages.times import format_utc
from snews_cs.messages.types import (
    BrokerChange,
    Command,
    DisplayHeartbeats,
    GetFeedback,
    HardReset,
    Observation,
    Retraction,
    SignificanceTier,
    TimingTier,
)
from snews_cs.storage.entry import Entry

log = structlog.get_logger(__name__)

BACKLOG = 20
"""How many messages at once are a backlog: a person cannot read them one by one, and the log would slow it down."""


def report(entries: Sequence[Entry]) -> None:
    """Log what messages were and what became of them; alerts are logged where they are published."""
    if len(entries) > BACKLOG:
        kinds = Counter(entry.message.kind for entry in entries if entry.message and entry.verdict.accepted)
        log.info("backlog", messages=len(entries), **{kind.replace("-", "_"): count for kind, count in kinds.items()})
    refused = 0
    for entry in entries:
        _warn(entry)
        if entry.verdict.accepted:
            _command(entry)
            if len(entries) <= BACKLOG:
                _inform(entry)
        elif refused < BACKLOG or isinstance(entry.message, Command):  # attempts at commands are always told of
            refused += 1
            log.warning("message refused", reason=entry.verdict.reason, record=_place(entry))
    if passed_over := sum(not entry.verdict.accepted for entry in entries) - refused:
        log.warning("more messages refused", messages=passed_over)


def _warn(entry: Entry) -> None:
    for warning in entry.verdict.warnings:
        log.warning(warning, record=_place(entry))


def _place(entry: Entry) -> str:
    return f"{entry.raw.topic}/{entry.raw.partition}/{entry.raw.offset}"


def _command(entry: Entry) -> None:
    if isinstance(entry.message, Command) and entry.outcome and entry.outcome.disposition is Disposition.DUPLICATE:
        kind, name = entry.message.kind, entry.message.detector_name
        log.warning("command refused: this very message came before", command=kind, detector=name, record=_place(entry))
        return
    match entry.message:
        case DisplayHeartbeats(detector_name=name):
            log.info("heartbeats asked for", detector=name)
        case HardReset(detector_name=name, is_test=is_test):
            log.warning("caches emptied by hard-reset", detector=name, caches="tests" if is_test else "real")
        case BrokerChange(detector_name=name, new_broker=broker):
            log.warning("broker-change is not supported: restart with HOP_BROKER", detector=name, asked=broker)
        case _:
            pass


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
        case GetFeedback(detector_name=name):
            log.info("feedback asked for: run-feedback mails it", detector=name)
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
