"""What can be said to the server: one frozen dataclass for each kind of message.

Times are integer nanoseconds on the TAI scale (see :mod:`snews_cs.messages.times`), so that a difference of two is
the elapsed time, leap seconds counted. ``message_uuid`` is the message's identity for its detector: its ``uuid``, else
the hop ``_id`` header, else ``topic/partition/offset``.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter

Nanoseconds = int
"""TAI nanoseconds since 1970-01-01T00:00:00 TAI, or a difference of two such times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DetectorMessage:
    """What all messages of detectors share.

    Parameters
    ----------
    detector_name
        The detector's name; after admission always the registry's own spelling.
    message_uuid
        The message's identity for this detector (not unique across tiers, see WIRE trap 1).
    is_test, is_firedrill
        The detector's own marks. A hop ``_test`` header also means ``is_test``.
    machine_time_ns, sent_time_ns
        When the detector's machine wrote the message, and when its client sent it. None if not given.
    """

    detector_name: str
    message_uuid: str
    is_test: bool = False
    is_firedrill: bool = False
    machine_time_ns: Nanoseconds | None = None
    sent_time_ns: Nanoseconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(_DetectorMessage):
    """A CoincidenceTier message: the detector saw a burst whose first neutrino came at ``neutrino_time_ns``.

    ``p_value`` is the burst's p-value in [0, 1], or None. ``is_pre_sn`` marks pre-supernova neutrinos.
    """

    kind: Literal["observation"] = "observation"
    neutrino_time_ns: Nanoseconds
    p_value: float | None = None
    is_pre_sn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction(_DetectorMessage):
    """The detector withdraws observations: those of one message, or its latest n.

    ``retract_message_uuid`` wins if both are given. ``retract_latest_n`` is a positive number or ``"ALL"``.
    """

    kind: Literal["retraction"] = "retraction"
    retract_message_uuid: str | None = None
    retract_latest_n: int | Literal["ALL"] | None = None
    reason: str | None = None
    is_pre_sn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(_DetectorMessage):
    """The detector is taking data (ON) or not (OFF)."""

    kind: Literal["heartbeat"] = "heartbeat"
    status: Literal["ON", "OFF"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignificanceTier(_DetectorMessage):
    """p-values of consecutive time bins of ``t_bin_width_s`` seconds around a burst."""

    kind: Literal["significance"] = "significance"
    p_values: tuple[float, ...]
    t_bin_width_s: float | None = None
    p_value: float | None = None
    is_pre_sn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingTier(_DetectorMessage):
    """The burst's neutrino times: relative to the first one (ns), or counts in bins of ``time_bin_width_ns``.

    ``start_time_ns`` is the time of the series' zero, ``background_rate_hz`` the rate under a binned series.
    """

    kind: Literal["timing"] = "timing"
    timing_series: tuple[int, ...]
    neutrino_time_ns: Nanoseconds | None = None
    start_time_ns: Nanoseconds | None = None
    time_bin_width_ns: int | None = None
    background_rate_hz: float | None = None
    detection_channel: str | None = None
    p_value: float | None = None
    is_pre_sn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTest(_DetectorMessage):
    """A client asks whether the server hears it; ``reply`` is the whole answer, ready to publish."""

    kind: Literal["test-connection"] = "test-connection"
    reply: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HardReset(_DetectorMessage):
    """Empty the caches of tests (``is_test``) or of real observations. Needs the administrator's password."""

    kind: Literal["hard-reset"] = "hard-reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayHeartbeats(_DetectorMessage):
    """Write the table of heartbeats to the log. Needs the administrator's password."""

    kind: Literal["display-heartbeats"] = "display-heartbeats"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerChange(_DetectorMessage):
    """Ask the server to move to another broker (not supported). Needs the administrator's password."""

    kind: Literal["broker-change"] = "broker-change"
    new_broker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFeedback(_DetectorMessage):
    """Ask for a mail about this detector's heartbeats; only registered addresses are answered."""

    kind: Literal["get-feedback"] = "get-feedback"
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The numbers the engine decides with. A change of them is a message too, written by the server itself.

    Parameters
    ----------
    coincidence_threshold_ns, refine_window_ns, expiration_ns, offline_after_ns
        Lengths of time, ns (``COINCIDENCE_THRESHOLD``, ``REFINE_WINDOW``, ``MSG_EXPIRATION``, ``HB_OFFLINE_AFTER``).
    background_rates_per_week
        The registry's false alarm rate of each detector, 1/week; detectors not named have one per week.
    """

    kind: Literal["parameters"] = "parameters"
    coincidence_threshold_ns: Nanoseconds = 10 * 10**9
    refine_window_ns: Nanoseconds = 10**9
    expiration_ns: Nanoseconds = 86_400 * 10**9
    offline_after_ns: Nanoseconds = 600 * 10**9
    background_rates_per_week: dict[str, float] = field(default_factory=dict, hash=False)


class Member(NamedTuple):
    """One detector's place in an alert: its earliest observation in the sublist."""

    detector_name: str
    neutrino_time_ns: Nanoseconds
    p_value: float | None
    message_uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAlone:
    """The last alert of an event that a server sent while it could not reach the store.

    The fields are those of the alert (SPEC section 4); ``members`` are what readers now believe.
    """

    event_id: str
    is_pre_sn: bool
    sub_list_number: int
    revision: int
    alert_uuid: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Put the readers right: alerts went out, while a server was alone, that the journal does not hold.

    It is written by the server itself when its store is back and what it took in meanwhile is in the journal.

    Parameters
    ----------
    is_test
        Whether all of it is about tests, or none.
    alerts
        The last alert sent alone of each event whose readers may believe otherwise than the journal says.
    merged
        Ids of events that an alert sent alone announced as merged into another: nobody expects more of them.
    """

    kind: Literal["reconcile"] = "reconcile"
    is_test: bool
    alerts: tuple[SentAlone, ...]
    merged: tuple[str, ...] = ()


Command = HardReset | DisplayHeartbeats | BrokerChange
"""What only the holder of the administrator's password may ask."""

DetectorMessage = (
    Observation | Retraction | Heartbeat | SignificanceTier | TimingTier | ConnectionTest | GetFeedback | Command
)
ServerMessage = Parameters | Reconcile
"""What the server writes into its journal itself: no detector says it."""

Message = DetectorMessage | ServerMessage

MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])
"""Converts messages to and from JSON and plain Python values, chosen by ``kind``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided about a message before the engine saw it; a replay uses it as it stands.

    ``reason`` says why it was refused (None: accepted); ``warnings`` what an operator should know all the same.
    """

    reason: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the message counts."""
        return self.reason is None
