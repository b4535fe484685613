"""How the last drill went that was made from this machine."""

from collections.abc import Iterator
from pathlib import Path

from snews_cs.errors import SettingsError
from snews_cs.inspection.drills import DrillBook
from snews_cs.monitoring.doctor.finding import Finding, Level


def check_drill(history: Path, observation_topic: str) -> Iterator[Finding]:
    """Look up the last drill on that topic (``DRILL_HISTORY``); where none was made there is nothing to say."""
    try:
        records = DrillBook(history).latest(1, observation_topic)
    except SettingsError as error:
        yield Finding(Level.WARNING, "drill", str(error), "let who runs this read it")
        return
    for record in records:
        last = f"the last one, {record.started[:19]}Z,"
        if record.problem is None:
            yield Finding(Level.OK, "drill", f"{last} passed: its alert came after {record.alert_ms} ms")
        else:
            yield Finding(
                Level.WARNING, "drill", f"{last} failed: {record.problem}", "mend it, and try: snews_cs drill"
            )
