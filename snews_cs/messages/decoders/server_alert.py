"""An alert of a coincidence server, which does not belong on the observation topic."""

from snews_cs.errors import MessageRefused
from snews_cs.messages.envelope import Envelope


def decode(envelope: Envelope) -> None:
    """Refuse an alert; anything else is left to the other decoders.

    Raises
    ------
    MessageRefused
        If it is one.
    """
    if "detector_names" in envelope.body and "detector_name" not in envelope.body:
        raise MessageRefused("the message is an alert of a coincidence server, not a detector's message")
