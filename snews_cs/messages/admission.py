"""Decides whether a message counts, once: what it decides is recorded with the message, and a replay uses that.

Whatever depends on settings, secrets or the clock is decided here: the detector's registered name, the message's age,
whether a drill or the detector ``TEST`` came where they do not belong, and the administrator's password.
"""

import hmac
from dataclasses import dataclass, field, replace

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders import decode
from snews_cs.messages.limits import quote, shorten
from snews_cs.messages.masking import mask_message, mask_reason
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, describe_duration, format_utc
from snews_cs.messages.types import (
    Command,
    DetectorMessage,
    GetFeedback,
    Heartbeat,
    Message,
    Nanoseconds,
    Observation,
    Retraction,
    SignificanceTier,
    TimingTier,
    Verdict,
)

TEST_DETECTOR = "TEST"
"""The registered detector that is none: what a client is called before anybody has set its name."""

CLOCK_WARNING_NS = NS_PER_S
"""How far a neutrino time may be ahead of this server's clock before an operator is told, ns."""


_FROM_DETECTORS_ONLY = (Observation, Retraction, Heartbeat, SignificanceTier, TimingTier)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """What decides whether a message counts.

    Parameters
    ----------
    registry
        The detectors that may speak.
    firedrill
        Whether this server runs on the drill's topic.
    clock_skew_tolerance_ns
        How far in the future a neutrino time may be, ns (``CLOCK_SKEW_TOLERANCE``).
    max_age_ns
        How old a neutrino time may be, ns.
    muted
        Registered names of detectors whose observations do not count (``MUTED_DETECTORS``).
    admin_password
        The administrator's password; None or empty: commands that need one are off.
    """

    registry: Registry
    firedrill: bool = False
    clock_skew_tolerance_ns: Nanoseconds = 60 * NS_PER_S
    max_age_ns: Nanoseconds = 48 * 3_600 * NS_PER_S
    muted: frozenset[str] = frozenset()
    admin_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of a record, and whether it counts; ``message`` is None if no detector's message was."""

    message: Message | None
    verdict: Verdict


def read_message(raw: RawMessage, received_ns: Nanoseconds, policy: AdmissionPolicy) -> Reading:
    """Read a record and decide whether it counts. Never raises, whatever the record holds.

    Parameters
    ----------
    raw
        The record as it came. No password in it gets into what is returned.
    received_ns
        When the server took it in, TAI ns.
    policy
        What decides.
    """
    secret = policy.admin_password
    try:
        decoded = decode(raw)
        message = _registered(decoded.message, raw, policy.registry)
    except MessageRefused as refusal:
        return Reading(None, _refused(refusal, raw, secret))
    message = mask_message(message, secret)
    try:
        _check_marks(message, policy)
        if isinstance(message, Command):
            _check_password(message, decoded.password, secret)
        warnings = _check_time(message, received_ns, policy)
    except MessageRefused as refusal:
        return Reading(message, _refused(refusal, raw, secret))
    return Reading(message, Verdict(warnings=warnings))


def _refused(refusal: MessageRefused, raw: RawMessage, secret: str | None) -> Verdict:
    return Verdict(reason=shorten(mask_reason(str(refusal), raw, secret)))


def _registered(message: DetectorMessage, raw: RawMessage, registry: Registry) -> DetectorMessage:
    """Return the message under its detector's registered name; of mail addresses, those registered for it only."""
    detector = registry.resolve(message.detector_name)
    if detector is None:
        raise MessageRefused(f"the detector {quote(message.detector_name)} is not registered")
    if detector.senders:
        sender = (raw.header("_sender") or b"").decode("utf-8", "replace")
        if sender not in detector.senders:
            raise MessageRefused(f"{quote(sender)} may not speak for {detector.name}")
    if message.detector_name != detector.name:
        message = replace(message, detector_name=detector.name)
    if isinstance(message, GetFeedback):
        known = {address.casefold() for address in detector.emails}
        return replace(message, emails=tuple(email for email in message.emails if email.casefold() in known))
    return message


def _check_marks(message: DetectorMessage, policy: AdmissionPolicy) -> None:
    """Refuse a drill, an unnamed or muted detector, or a request for mail, where it does not belong."""
    if message.is_firedrill and not policy.firedrill:
        raise MessageRefused("is_firedrill is true on the real observation topic")
    if message.detector_name == TEST_DETECTOR and not message.is_test and isinstance(message, _FROM_DETECTORS_ONLY):
        raise MessageRefused(f"the detector {TEST_DETECTOR} is accepted only with is_test")
    if isinstance(message, Observation) and message.detector_name in policy.muted:
        raise MessageRefused(f"{message.detector_name} is muted (MUTED_DETECTORS)")
    if isinstance(message, GetFeedback) and not message.emails:
        raise MessageRefused(f"none of the addresses is registered for {message.detector_name}")


def _check_password(message: Command, password: str | None, secret: str | None) -> None:
    """Refuse a command without the administrator's password; no reason says more than that."""
    if not secret:
        raise MessageRefused(f"{message.kind} is off: no snews_cs_admin_pass is set")
    if password is None:
        raise MessageRefused(f"{message.kind} came without the password")
    if not hmac.compare_digest(password.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")):
        raise MessageRefused(f"{message.kind} came with a wrong password")


def _check_time(message: DetectorMessage, received_ns: Nanoseconds, policy: AdmissionPolicy) -> tuple[str, ...]:
    """Refuse a neutrino time that is too old or too far ahead; return what to warn of if it is ahead at all."""
    if message.is_test or not isinstance(message, Observation | TimingTier) or message.neutrino_time_ns is None:
        return ()
    ahead_ns = message.neutrino_time_ns - received_ns
    if -policy.max_age_ns <= ahead_ns <= CLOCK_WARNING_NS:
        return ()
    time = f"neutrino_time {format_utc(message.neutrino_time_ns)}"
    if ahead_ns < 0:
        raise MessageRefused(f"{time} is {describe_duration(ahead_ns)} in the past")
    if ahead_ns > policy.clock_skew_tolerance_ns:
        raise MessageRefused(f"{time} is {describe_duration(ahead_ns)} in the future")
    return (f"{time} is {describe_duration(ahead_ns)} ahead of this server's clock",)
