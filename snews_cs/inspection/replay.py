"""The journal decided once more, and compared with what was decided."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import NamedTuple

import structlog

from snews_cs.coincidence.engine import Engine
from snews_cs.coincidence.types import Alert, Outcome
from snews_cs.server.deciding import apply_entry
from snews_cs.storage.entry import Entry

log = structlog.get_logger(__name__)


class Replayed(NamedTuple):
    """An entry of the journal, and what an engine makes of it now.

    ``failure`` names the exception if the engine failed on it; ``outcome`` is then None.
    """

    entry: Entry
    outcome: Outcome | None
    failure: str | None = None

    @property
    def alerts(self) -> int:
        """How many alerts were compared."""
        return len(self.entry.outcome.alerts) if self.entry.outcome else 0

    @property
    def difference(self) -> str | None:
        """What is otherwise than the journal says, as one line; None if nothing is."""
        if self.failure is not None:
            return f"the engine fails: {self.failure}"
        if self.outcome != self.entry.outcome:
            return "; ".join(_differences(self.entry.outcome, self.outcome))
        decided = self.outcome.alerts if self.outcome else ()
        written = self.entry.alerts_json
        if len(decided) != len(written) or any(
            alert.alert_uuid not in text for alert, text in zip(decided, written, strict=True)
        ):
            return "the alerts to publish are not those that were decided"
        return None


def replay(entries: Iterable[Entry]) -> Iterator[Replayed]:
    """Decide a journal anew, beginning with an engine that knows nothing.

    Verdicts are taken as they stand: they depend on settings and secrets of their time. After a first difference the
    engine goes on with what it decided itself, so that others may follow from it.

    Parameters
    ----------
    entries
        The whole journal, from its first entry.
    """
    engine = Engine()
    for entry in entries:
        yield decide_again(engine, entry)


def decide_again(engine: Engine, entry: Entry) -> Replayed:
    """Apply an entry for good; if the engine fails on it, say so and leave the engine as it was."""
    try:
        outcome = apply_entry(engine, entry)
        engine.settle()
    except Exception as error:  # it must not hide what comes after it
        log.critical("ALARM: the engine failed on an entry of the journal", sequence=entry.sequence, error=repr(error))
        log.debug("how it failed", exc_info=True)
        return Replayed(entry, None, type(error).__name__)
    return Replayed(entry, outcome)


def _differences(was: Outcome | None, now: Outcome | None) -> Iterator[str]:
    if was is None or now is None:
        yield f"{_words(was)} -> {_words(now)}"
        return
    for each in fields(Outcome):
        old, new = getattr(was, each.name), getattr(now, each.name)
        if old == new:
            continue
        match each.name:
            case "disposition":
                yield f"{old} -> {new}"
            case "alerts":
                yield f"alerts {_listed(old)} -> {_listed(new)}"
            case name:
                yield f"{name} differ"


def _words(outcome: Outcome | None) -> str:
    return "no outcome" if outcome is None else str(outcome.disposition)


def _listed(alerts: tuple[Alert, ...]) -> str:
    return ", ".join(map(_alert, alerts)) or "none"


def _alert(alert: Alert) -> str:
    names = " ".join(member.detector_name for member in alert.members)
    return f"{alert.alert_type} {{{names}}} {alert.alert_uuid} revision {alert.revision}"
