"""snews_pt 2.0 to 3.0: pickled pydantic models of snews-data-formats 1.x. The model's class says what it is."""

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders.tiers import TIERS, Vocabulary, tier_message
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.limits import quote
from snews_cs.messages.types import DetectorMessage

VOCABULARY = Vocabulary(
    neutrino_time=("neutrino_time_utc",),
    machine_time=("machine_time_utc",),
    sent_time=("sent_time_utc",),
    t_bin_width=("t_bin_width_sec",),
    retract_latest=("retract_latest_n",),
)


def decode(envelope: Envelope) -> DetectorMessage | None:
    """Return the message of a pickled model, None if it was not pickled."""
    if envelope.model is None:
        return None
    name = envelope.model.removesuffix("Message")
    tier = envelope.body.get("tier", name)
    if tier != name:
        raise MessageRefused(f"tier is {quote(tier)} in a {envelope.model}")
    return tier_message(TIERS[name], envelope, VOCABULARY)
