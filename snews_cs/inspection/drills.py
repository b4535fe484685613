"""What drills have found, kept as one JSON object a line."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from snews_cs.errors import SettingsError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRecord:
    """How one drill went: an event said by two detectors, as a test, through the real topics.

    Parameters
    ----------
    started
        When, UTC.
    observation_topic
        Where it was said: ``kafka://...``.
    detector_names, message_uuids
        Who said it, and by which messages.
    neutrino_time
        Of the earlier of the two, UTC.
    retracted
        Whether it was to be taken back in the end.
    problem
        Why it failed, in one line; None if it passed.
    acknowledged_ms
        How long the broker took to acknowledge the second observation, ms; None if it did not.
    journaled_ms
        From writing the second observation until it was seen in the journal, ms.
    entries
        Their numbers in the journal.
    journal_unseen
        Why nobody looked into the journal; None if somebody did.
    alert_ms
        From writing the second observation until its alert was read from its topic, ms.
    server_tag
        Who published that.
    retraction_ms
        From writing the retractions until that of the alert was read, ms.
    """

    started: str
    observation_topic: str
    detector_names: tuple[str, ...]
    message_uuids: tuple[str, ...]
    neutrino_time: str
    retracted: bool
    problem: str | None = None
    acknowledged_ms: float | None = None
    journaled_ms: float | None = None
    entries: tuple[int, ...] = ()
    journal_unseen: str | None = None
    alert_ms: float | None = None
    server_tag: str | None = None
    retraction_ms: float | None = None


_RECORD: TypeAdapter[DrillRecord] = TypeAdapter(DrillRecord)


class DrillBook:
    """The file in which drills are kept. It may be written to by several, moved away and deleted at any time.

    Parameters
    ----------
    path
        The file; made, with its directory, for the first drill.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, record: DrillRecord) -> None:
        """Keep a drill. One that cannot be kept is logged: what it found counts all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:  # one write: lines of several processes do not mix
                file.write(_RECORD.dump_json(record) + b"\n")
        except OSError as error:
            log.error("a drill cannot be kept", path=str(self._path), error=error.strerror)

    def latest(self, most: int, observation_topic: str) -> list[DrillRecord]:
        """Return the latest drills that were said there, in order. A line that is none, as half a one, is passed over.

        Raises
        ------
        SettingsError
            If the file cannot be read; one that is not there holds no drills.
        """
        records: deque[DrillRecord] = deque(maxlen=most)
        try:
            with self._path.open("rb") as file:
                for line in file:
                    record = _read(line)
                    if record is not None and record.observation_topic == observation_topic:
                        records.append(record)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SettingsError(f"DRILL_HISTORY: cannot read {self._path}: {error.strerror}") from error
        return list(records)


def _read(line: bytes) -> DrillRecord | None:
    try:
        return _RECORD.validate_json(line)
    except ValidationError:
        return None
