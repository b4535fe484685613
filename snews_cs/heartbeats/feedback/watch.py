"""Each minute: who is silent that should not be, and who is back."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from snews_cs.heartbeats.feedback.chain import SilenceChain
from snews_cs.heartbeats.feedback.desk import Desk
from snews_cs.heartbeats.feedback.letters import silence_letter
from snews_cs.heartbeats.feedback.overdue import longest_silence_s, overdue_after_ns
from snews_cs.heartbeats.feedback.silence import Silence
from snews_cs.heartbeats.feedback.wording import moment
from snews_cs.heartbeats.statistics import DAY_NS, Beat, DetectorBeats, beats_of, summarise
from snews_cs.messages.registry import Detector
from snews_cs.messages.types import Nanoseconds
from snews_cs.storage.notes import Notes
from snews_cs.storage.tables import HeartbeatRow

log = structlog.get_logger(__name__)


class SilenceWatch:
    """Warns a detector's registered contacts once when a heartbeat is overdue, and once when it is back.

    Only a beat that came after its own was overdue shows that beats arrive at all. Until there is one, the fault may be
    with the server or the broker: if two or more detectors should be heard, contacts are only warned when nobody was
    heard for as long as it takes to count as offline. If two or more are overdue like that, the operators are told.

    Parameters
    ----------
    desk
        Where the beats are read, and who is warned.
    notes
        What was found out before.
    """

    def __init__(self, desk: Desk, notes: Notes) -> None:
        self._desk = desk
        self._notes = notes
        self._chains: dict[str, SilenceChain] = {}
        self._told: dict[str, str] = {}
        self._nobody_heard = False

    def look(self) -> None:
        """Look at everybody's beats.

        Raises
        ------
        StorageError
            If the store or the notes cannot be had.
        """
        registry, offline_after_ns = self._desk.registry, self._desk.offline_after_ns
        for detector in registry.detectors:
            self._chain(detector.name).read()
        now_ns = self._desk.now()
        rows = self._desk.store.rows(HeartbeatRow, since_ns=now_ns - DAY_NS)
        beats = beats_of(row for row in rows if registry.resolve(row.detector_name))
        figures = {name: summarise(name, beats[name], now_ns, offline_after_ns=offline_after_ns) for name in beats}
        due_ns = {name: after_ns for name in figures if (after_ns := overdue_after_ns(figures[name])) is not None}
        overdue = [name for name in due_ns if now_ns > due_ns[name]]
        last_ns = max((each.last_ns or 0 for each in figures.values()), default=0)
        unheard_since = [name for name in overdue if last_ns <= due_ns[name]]
        self._found_nobody_heard(len(unheard_since) > 1, overdue=len(overdue))
        may_be_ours = len(due_ns) > 1 and now_ns - last_ns < offline_after_ns
        for name in overdue:
            others_heard = name not in unheard_since
            if others_heard or not may_be_ours:
                self._found_silent(figures[name], others_heard=others_heard)
        for name in beats:
            self._found_back(name, beats[name])
        for detector in registry.detectors:
            self._tell(detector, now_ns)

    def _found_nobody_heard(self, nobody_heard: bool, *, overdue: int) -> None:
        """Tell the operators when it changes whether beats arrive at all."""
        if nobody_heard and not self._nobody_heard:
            log.error("no detector is heard any more: is the server running, and the broker?", overdue=overdue)
        elif self._nobody_heard and not nobody_heard:
            log.info("detectors are heard again")
        self._nobody_heard = nobody_heard

    def _found_silent(self, figures: DetectorBeats, *, others_heard: bool) -> None:
        chain, longest_s = self._chain(figures.detector_name), longest_silence_s(figures)
        if chain.last is not None and not chain.last.is_over:
            return
        silence = Silence(
            detector_name=figures.detector_name,
            since_ns=figures.last_ns or 0,
            beats=figures.beats,
            interval_mean_s=figures.interval_mean_s or 0.0,
            interval_sigma_s=figures.interval_sigma_s or 0.0,
            expected_within_s=longest_s or 0.0,
            others_heard=others_heard,
        )
        if chain.add(silence):
            log.warning("a detector is silent", detector=silence.detector_name, since=moment(silence.since_ns))

    def _found_back(self, name: str, beats: Sequence[Beat]) -> None:
        chain = self._chain(name)
        if chain.last is None or chain.last.is_over:
            return
        since_ns = chain.last.since_ns
        first = next((beat for beat in beats if beat.time_ns > since_ns), None)
        if first and chain.add(replace(chain.last, back_ns=first.time_ns, back_status=first.status)):
            log.info("a detector is back", detector=name, since=moment(first.time_ns), status=first.status)

    def _tell(self, detector: Detector, now_ns: Nanoseconds) -> None:
        """Queue the mails of what was found out last. Who sends them, and whether they were sent, the post knows."""
        chain = self._chain(detector.name)
        silence = chain.last
        if silence is None or self._told.get(detector.name) == chain.name:
            return
        self._told[detector.name] = chain.name
        if now_ns - (silence.back_ns or silence.since_ns) > DAY_NS:
            return  # nobody who was registered since wants to know
        if not detector.emails:
            log.warning("nobody is registered to be told of a detector's silence", detector=detector.name)
        for address in detector.emails:
            self._desk.post.add(chain.name, address, partial(silence_letter, silence))

    def _chain(self, name: str) -> SilenceChain:
        if name not in self._chains:
            self._chains[name] = SilenceChain(self._notes, name)
        return self._chains[name]
