"""What a coincidence server says, alerts and notices, which does not belong on the observation topic.

Read as an observation, a notice would be answered by the next one.
"""

from snews_cs.errors import MessageRefused
from snews_cs.messages.envelope import Envelope

NOTICE_ID = "SNEWS_No_Coincidence"
"""What the ``id`` of each notice begins with."""


def decode(envelope: Envelope) -> None:
    """Refuse an alert or a notice; anything else is left to the other decoders.

    Raises
    ------
    MessageRefused
        If it is one.
    """
    if "detector_names" in envelope.body and "detector_name" not in envelope.body:
        raise MessageRefused("the message is an alert of a coincidence server, not a detector's message")
    if str(envelope.body.get("id")).startswith(NOTICE_ID):
        raise MessageRefused("the message is a notice of a coincidence server, not a detector's message")
