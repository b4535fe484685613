"""JSON by hand, as ``hop publish`` sends it, and any other JSON: all spellings count."""

from typing import Any

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders.tiers import TIERS, Tier, Vocabulary, id_parts, tier_message
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.limits import quote
from snews_cs.messages.types import DetectorMessage

VOCABULARY = Vocabulary(
    neutrino_time=("neutrino_time", "neutrino_time_utc"),
    machine_time=("machine_time", "machine_time_utc"),
    sent_time=("sent_time", "sent_time_utc"),
    t_bin_width=("t_bin_width_sec", "t_bin_width"),
    retract_latest=("retract_latest_n", "retract_latest", "N_retract_latest"),
)


def decode(envelope: Envelope) -> DetectorMessage:
    """Return the message: what its ``id``, else its ``tier``, else a neutrino time says that it is.

    An ``id`` counts before ``tier`` if it names a retraction or a heartbeat.

    Raises
    ------
    MessageRefused
        If it says nothing of the kind, or a field is missing or wrong.
    """
    parts = id_parts(envelope.body)
    tier = _tier(envelope.body, TIERS.get(parts.word) if parts else None)
    return tier_message(tier, envelope, VOCABULARY, is_pre_sn=parts is not None and parts.is_pre_sn)


def _tier(body: dict[str, Any], named: Tier | None) -> Tier:
    """Return what a message says; ``named`` is what its id says that it is."""
    given = body.get("tier")
    if named in (Tier.RETRACTION, Tier.HEARTBEAT) or (named and given is None):
        return named
    if given is not None:
        if isinstance(given, str) and given in TIERS:
            return TIERS[given]
        raise MessageRefused(f"tier must be one of {', '.join(TIERS)}, not {quote(given)}")
    if any(body.get(spelling) is not None for spelling in VOCABULARY.neutrino_time):
        return Tier.COINCIDENCE
    raise MessageRefused("the message has neither an id that says what it is, nor a tier, nor a neutrino_time")
