"""One drill: say it, and wait for what comes of it."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from snews_cs.errors import AccessDenied, BrokerUnreachable, SnewsError, StreamError, TopicMissing
from snews_cs.inspection.drills import DrillRecord
from snews_cs.messages.times import format_utc, tai_from_posix
from snews_cs.messages.types import Observation, Retraction
from snews_cs.simulation.clients import write
from snews_cs.simulation.drill.event import DrillEvent
from snews_cs.simulation.drill.journal import JournalWatch
from snews_cs.storage.protocol import StoreReader
from snews_cs.streams.alerts import AlertStream, ReceivedAlert
from snews_cs.streams.publication import Publication
from snews_cs.streams.publisher import AlertPublisher
from snews_cs.waiting import StopRequest

log = structlog.get_logger(__name__)

_SINCE = timedelta(minutes=1)
"""How far back the topic of alerts is read, for whoever's clock is behind."""

_OPEN_S = 15.0
"""How long the broker may take to let us in, s."""

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.01, 0.25


class DrillFailed(SnewsError):
    """Something did not come, or was not as it should be; the text says what."""


class _Interrupted(Exception):
    """Somebody told it to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """Says events as detectors do, and measures until what follows has come.

    Parameters
    ----------
    observation_topic, alert_topic
        ``kafka://...``, where they are said, and where alerts of tests are published.
    auth
        Whether to log in to the broker.
    open_store
        Opens the store, to look for the messages in its journal.
    within_s
        How long to wait for each thing that must come, s.
    stop
        Ends it.
    """

    observation_topic: str
    alert_topic: str
    auth: bool
    open_store: Callable[[], StoreReader]
    within_s: float
    stop: StopRequest

    def run(self, event: DrillEvent, *, retract: bool) -> DrillRecord | None:
        """Say an event and wait for its alert; return how that went, None if told to stop meanwhile.

        Parameters
        ----------
        event
            What is said. Nothing of it stays in the server's cache if it is retracted, or the drill fails or is ended.
        retract
            Whether to take it back in the end, and wait for the retraction.
        """
        return _Run(self, event, retract=retract).run()


class _Run:
    """One drill as it goes."""

    def __init__(self, drill: Drill, event: DrillEvent, *, retract: bool) -> None:
        self._drill = drill
        self._event = event
        self._retractions = event.retractions()
        self._is_standing = False  # whether a server may believe any of it
        self._started = datetime.now(UTC)
        first, second = event.observations
        self._record = DrillRecord(
            started=format_utc(tai_from_posix(time.time_ns())),
            observation_topic=drill.observation_topic,
            detector_names=(first.detector_name, second.detector_name),
            message_uuids=event.message_uuids,
            neutrino_time=format_utc(first.neutrino_time_ns),
            retracted=retract,
        )

    def run(self) -> DrillRecord | None:
        drill, problem, is_over = self._drill, None, False
        watched = [*self._event.message_uuids, *(each.message_uuid for each in self._retractions)]
        with ExitStack() as stack:
            self._journal = stack.enter_context(closing(JournalWatch(drill.open_store, watched)))
            self._alerts = stack.enter_context(
                AlertStream(drill.alert_topic, auth=drill.auth, since=self._started - _SINCE)
            )
            self._publisher = stack.enter_context(
                AlertPublisher(
                    [drill.observation_topic], auth=drill.auth, idempotent=False, stopping=lambda: bool(drill.stop)
                )
            )
            try:
                self._prepare()
                self._observe()
                if self._record.retracted:
                    self._retract()
                is_over = True
            except (DrillFailed, StreamError) as failure:
                problem = " ".join(str(failure).split())
            except _Interrupted:
                pass
            if not is_over:
                self._tidy()
                if drill.stop:
                    return None
        return replace(self._record, problem=problem, journal_unseen=self._journal.unseen)

    def _prepare(self) -> None:
        """Connect, so that no alert is missed, and no connection measured."""
        deadline = time.monotonic() + _OPEN_S
        while not self._alerts.is_open:
            problem = self._alerts.problem
            if isinstance(problem, AccessDenied | TopicMissing):
                raise problem
            if time.monotonic() > deadline:
                raise problem or BrokerUnreachable(f"{self._drill.alert_topic} could not be opened in time")
            if self._drill.stop.wait(0.02):
                raise _Interrupted
        self._publisher.warm_up(_OPEN_S, stopping=lambda: bool(self._drill.stop))

    def _observe(self) -> None:
        """Say what two detectors see, and wait for the alert."""
        for observation in self._event.observations:
            if self._drill.stop:
                raise _Interrupted
            self._is_standing = True  # also if the broker's acknowledgement is lost
            written = time.time_ns()
            self._say([observation])
        self._record = replace(self._record, acknowledged_ms=_ms(written, time.time_ns()))
        alert = self._wait_for("TEST INITIAL", self._event.message_uuids[-1])
        content = alert.content
        self._record = replace(
            self._record, alert_ms=_ms(written, alert.arrived_unix_ns), server_tag=str(content.get("server_tag"))
        )
        self._note_entries(alert, written)
        if set(map(str, content["message_uuids"])) != set(self._event.message_uuids):
            raise DrillFailed(f"its alert is about something else, too: {content.get('detector_names')}")
        if content.get("degraded"):
            raise DrillFailed("its alert says `degraded`: the server does not reach its store")
        if self._journal.unseen is None and self._record.journaled_ms is None:
            raise DrillFailed("its alert came, but the store (DATABASE_SERVER) does not have it: is it that server's?")

    def _note_entries(self, alert: ReceivedAlert, written: int) -> None:
        """See whether the journal has it, too; it had before the alert was published, whenever that was seen here."""
        self._journal.look()
        entries = [self._journal.entry(each) for each in self._event.message_uuids]
        seen = self._journal.seen_unix_ns(self._event.message_uuids[-1])
        self._record = replace(
            self._record,
            journaled_ms=None if seen is None else _ms(written, min(seen, alert.arrived_unix_ns)),
            entries=tuple(entry.sequence for entry in entries if entry is not None),
        )

    def _retract(self) -> None:
        """Take all back, and wait for the retraction."""
        written = time.time_ns()
        self._say(self._retractions)
        self._is_standing = False
        alert = self._wait_for("TEST RETRACTION", self._retractions[0].message_uuid)
        self._record = replace(self._record, retraction_ms=_ms(written, alert.arrived_unix_ns))

    def _tidy(self) -> None:
        """Leave nothing behind that a server might believe, or come to believe when it runs again."""
        if self._is_standing:
            try:
                self._say(self._retractions)
            except StreamError as error:
                log.warning("what a drill said could not be taken back; it expires in a day", error=str(error))

    def _say(self, messages: Sequence[Observation | Retraction]) -> None:
        """Publish as snews_pt does, and wait for the broker's acknowledgement."""
        now_ns = tai_from_posix(time.time_ns())
        publications = []
        for message in messages:
            outgoing = write(message, "snews_pt-3.0", number=None, now_ns=now_ns)
            publications.append(
                Publication(
                    url=self._drill.observation_topic,
                    key=self._event.message_uuids[0],  # one partition, so that they stay in order
                    payload=outgoing.payload,
                    message_id=outgoing.message_id,
                    format=outgoing.format,
                )
            )
        self._publisher.publish_all(publications)

    def _wait_for(self, alert_type: str, message_uuid: str) -> ReceivedAlert:
        """Wait for the alert of that type about the event, which that message raises."""
        started = time.monotonic()
        while (waited_s := time.monotonic() - started) < self._drill.within_s:
            if self._drill.stop:
                raise _Interrupted
            pause_s = min(max(waited_s / 10, _FIRST_LOOK_S), _LONGEST_LOOK_S)
            for alert in self._alerts.batch(pause_s):
                if alert.content.get("alert_type") == alert_type and self._concerns_us(alert.content):
                    return alert
            self._journal.look()
            if (refusal := self._journal.refusal()) is not None:
                raise DrillFailed(f"the server refuses a message (entry {refusal.sequence}): {refusal.verdict.reason}")
        what = f"no {alert_type} on {self._drill.alert_topic} within {self._drill.within_s:g} s"
        raise DrillFailed(f"{what}: {self._why(message_uuid)}")

    def _concerns_us(self, content: dict[str, Any]) -> bool:
        uuids = content.get("message_uuids")
        return isinstance(uuids, list) and any(each in uuids for each in self._event.message_uuids)

    def _why(self, message_uuid: str) -> str:
        """Return what is known of why nothing came of a message."""
        if self._alerts.problem is not None:
            return str(self._alerts.problem)
        if self._journal.unseen is not None:
            return "does a server run, and may it write there?"
        entry = self._journal.entry(message_uuid)
        if entry is None:
            return "nothing is in the journal; does a server run, with these topics and this store?"
        if entry.alerts_json:
            return f"it is decided (entry {entry.sequence} of the journal); does the server publish there?"
        return f"the server decided otherwise (entry {entry.sequence} of the journal)"


def _ms(start_unix_ns: int, end_unix_ns: int) -> float:
    return round((end_unix_ns - start_unix_ns) / 1e6, 2)
