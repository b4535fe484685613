"""hop-SNalert-app (2020): the models of hop's first SNEWS plugin, JSON with a ``message_id``."""

from snews_cs.errors import MessageRefused
from snews_cs.messages.decoders.tiers import Tier, Vocabulary, tier_message
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.types import DetectorMessage

VOCABULARY = Vocabulary(
    detector_name=("detector_id",), message_uuid=("message_id",), p_value=("p_value",), status=("status",)
)


def decode(envelope: Envelope) -> DetectorMessage | None:
    """Return the observation or heartbeat, None if this is not such a client's.

    Raises
    ------
    MessageRefused
        Also if it is the plugin's alert, which no detector sends.
    """
    body = envelope.body
    if "message_id" not in body or "detector_name" in body:
        return None
    if "detector_id" not in body:
        raise MessageRefused("the message is an alert of hop-SNalert-app, not a detector's message")
    return tier_message(Tier.COINCIDENCE if "neutrino_time" in body else Tier.HEARTBEAT, envelope, VOCABULARY)
