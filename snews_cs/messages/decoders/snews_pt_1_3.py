"""snews_pt 1.3 and 1.4, and snap_client_sender: JSON whose ``_id`` is ``XENONnT_CoincidenceTier_<time>``."""

from snews_cs.messages.decoders.tiers import TIERS, Vocabulary, id_of_snews_pt_1, tier_message
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.types import DetectorMessage

VOCABULARY = Vocabulary()


def decode(envelope: Envelope) -> DetectorMessage | None:
    """Return the message that the ``_id`` names, None if this is not such a client's."""
    parts = id_of_snews_pt_1(envelope)
    if parts is None or parts.owner != envelope.body.get("detector_name"):
        return None
    return tier_message(TIERS[parts.word], envelope, VOCABULARY, is_pre_sn=parts.is_pre_sn)
