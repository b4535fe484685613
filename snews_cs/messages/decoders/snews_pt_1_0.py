"""snews_pt 1.0 to 1.2: JSON whose ``_id`` starts with the detector's number, ``19_CoincidenceTier_<time>``."""

from snews_cs.messages.decoders.tiers import TIERS, Vocabulary, id_of_snews_pt_1, tier_message
from snews_cs.messages.envelope import Envelope
from snews_cs.messages.types import DetectorMessage

VOCABULARY = Vocabulary(retract_latest=("N_retract_latest",))


def decode(envelope: Envelope) -> DetectorMessage | None:
    """Return the message that the ``_id`` names, None if this is not such a client's."""
    parts = id_of_snews_pt_1(envelope)
    if parts is None or not parts.owner.isdecimal():
        return None
    return tier_message(
        TIERS[parts.word],
        envelope,
        VOCABULARY,
        is_test=_says_test(envelope.body.get("meta")),
        is_pre_sn=parts.is_pre_sn,
    )


def _says_test(meta: object) -> bool:
    """Return whether any value of ``meta``, which may be nested, is the mark that snews_pt 1.2 gives to tests."""
    if isinstance(meta, dict):
        return any(_says_test(value) for value in meta.values())
    return meta == "this is a test"
