"""What is remembered of each detector's silences: a chain of notes, each written once, for all sites."""

from snews_cs.heartbeats.feedback.silence import Silence
from snews_cs.storage.notes import Notes


class SilenceChain:
    """A detector's silences: a note when each is found out, another when it is over, numbered 1, 2, 3, ...

    Of several processes that find out the same, one writes the next note; the others read it. The chain is never in
    the way of a store that was emptied: it is found again as it stands.

    Parameters
    ----------
    notes
        Where it is kept.
    detector_name
        Whose.
    """

    def __init__(self, notes: Notes, detector_name: str) -> None:
        self._notes = notes
        self._detector_name = detector_name
        self._number = 0
        self._last: Silence | None = None

    @property
    def last(self) -> Silence | None:
        """The last note, as far as read; None if there is none."""
        return self._last

    @property
    def name(self) -> str:
        """What the last note is called."""
        return self._name(self._number)

    def read(self) -> None:
        """Read what was written meanwhile.

        Raises
        ------
        StorageError
            If the notes cannot be had.
        """
        step = 1
        while (text := self._notes.get(self._name(self._number + step))) is not None:
            self._note(self._number + step, text)
            step *= 2
        while step > 1:
            step //= 2
            if (text := self._notes.get(self._name(self._number + step))) is not None:
                self._note(self._number + step, text)

    def add(self, silence: Silence) -> bool:
        """Write the next note; False if another process was first.

        Raises
        ------
        StorageError
            If the notes cannot be had. It may have been written: :meth:`read` tells.
        """
        text = silence.as_text()
        if not self._notes.add(self._name(self._number + 1), text):
            return False
        self._note(self._number + 1, text)
        return True

    def _note(self, number: int, text: str) -> None:
        self._number, self._last = number, Silence.read(text)

    def _name(self, number: int) -> str:
        return f"silence {number}/{self._detector_name}"
