"""A detector's silence, from the last beat before it to the first one after it."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from snews_cs.errors import StorageError
from snews_cs.messages.types import Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time in which a detector was not heard although it should have been.

    Parameters
    ----------
    detector_name
        Whose.
    since_ns
        When it was last heard, TAI ns.
    beats
        How many heartbeats there were in the 24 hours before that was found out.
    interval_mean_s, interval_sigma_s
        Mean and standard deviation of the times between them, s.
    expected_within_s
        How long after the last one the next one was expected at the latest, s.
    others_heard
        Whether other detectors were heard meanwhile; if not, the fault may be with SNEWS.
    back_ns, back_status
        When it was heard again, TAI ns, and what it said: ON or OFF; None while it is silent.
    """

    detector_name: str
    since_ns: Nanoseconds
    beats: int
    interval_mean_s: float
    interval_sigma_s: float
    expected_within_s: float
    others_heard: bool
    back_ns: Nanoseconds | None = None
    back_status: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the detector was heard again."""
        return self.back_ns is not None

    def as_text(self) -> str:
        """Return it as text, to be noted."""
        return _SILENCE.dump_json(self).decode()

    @classmethod
    def read(cls, text: str) -> "Silence":
        """Read what :meth:`as_text` returned.

        Raises
        ------
        StorageError
            If it is something else.
        """
        try:
            return _SILENCE.validate_json(text)
        except ValidationError as error:
            raise StorageError(f"the note of a silence is not of this version: {error}") from error


_SILENCE = TypeAdapter(Silence)
