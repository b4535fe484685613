"""snews_pt 2.0 to 3.0: pickled pydantic models of snews-data-formats 1.x; the class, not ``tier``, says what one is."""

from snews_cs.messages.decoders.tiers import TIERS, Vocabulary, tier_message
from snews_cs.messages.envelope import Envelope
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
    return tier_message(TIERS[envelope.model.removesuffix("Message")], envelope, VOCABULARY)
