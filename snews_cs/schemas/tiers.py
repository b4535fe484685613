"""Schemas of the tier messages, made of the tables that the decoders read them by.

They say what a client should send: what fits one is understood as such a message, and counts unless the registry, the
clock or a mark speaks against it. JSON Schema cannot tell 30 February from a day, nor 1.0 from an integer.
"""

from snews_cs.messages.decoders import hop_plugin, plain, snews_pt_1_0, snews_pt_1_3
from snews_cs.messages.decoders.commands import WORDS
from snews_cs.messages.decoders.tiers import TIERS, Tier, Vocabulary
from snews_cs.messages.fields import Spellings
from snews_cs.schemas.parts import (
    ANYTHING,
    COUNT,
    FLAG,
    INTEGER,
    NAME,
    NULL,
    NUMBER,
    P_VALUE,
    TEXT,
    TIME,
    Schema,
    all_of,
    any_of,
    field,
    given,
    id_names,
    id_names_none,
    list_of,
    missing,
)

_JSON = plain.VOCABULARY
_PLUGIN = hop_plugin.VOCABULARY
_SNEWS_PT_1 = (snews_pt_1_3.VOCABULARY, snews_pt_1_0.VOCABULARY)
_FOREIGN = (Tier.RETRACTION, Tier.HEARTBEAT)

_STATUS = {"type": "string", "pattern": "^([Oo][Nn]|[Oo][Ff][Ff])$"}
_LATEST = any_of(COUNT, {"const": "ALL"})
_PRE_SN = field(("is_pre_sn",), "Of pre-supernova neutrinos: a cache of their own.", FLAG)


def observation() -> Schema:
    """Return the schema of a CoincidenceTier message."""
    return {
        "title": "Observation (CoincidenceTier)",
        "description": "A detector saw a burst. The least that works: `detector_name` and `neutrino_time`.",
        **_tier_message(
            Tier.COINCIDENCE,
            _observed(_JSON),
            given(_JSON.neutrino_time),
            _spelled_as_by_snews_pt_1(*(spelled.neutrino_time for spelled in _SNEWS_PT_1)),
        ),
    }


def significance() -> Schema:
    """Return the schema of a SignificanceTier message."""
    properties = {
        "p_values": {"description": "p-values of consecutive time bins.", **list_of(P_VALUE)},
        **field(_JSON.t_bin_width, "Width of a bin, s.", NUMBER),
        **field(_JSON.p_value, "p-value of the burst, in [0, 1].", P_VALUE),
    }
    return {
        "title": "SignificanceTier",
        "description": "p-values of time bins around a burst. Archived; raises no alert.",
        **_tier_message(Tier.SIGNIFICANCE, properties, given(("p_values",))),
    }


def timing() -> Schema:
    """Return the schema of a TimingTier message."""
    properties = {
        "timing_series": {
            "description": "Neutrino times relative to the first one, ns; or UTC times; or counts in bins.",
            **any_of(list_of(INTEGER), list_of(TIME)),
        },
        **_observed(_JSON),
        **field(("start_time_utc",), "UTC time of the series' zero.", TIME),
        **field(("time_bin_width_ns",), "Width of a bin, ns, if the series holds counts.", COUNT),
        **field(("background_rate_Hz",), "Rate of the background under a binned series, Hz.", NUMBER),
        **field(("detection_channel",), "How the neutrinos were detected.", NAME),
    }
    return {
        "title": "TimingTier",
        "description": "The neutrino times of a burst. Archived; raises no alert.",
        **_tier_message(Tier.TIMING, properties, given(("timing_series",))),
    }


def retraction() -> Schema:
    """Return the schema of a retraction."""
    properties = {
        **field(("retract_message_uuid",), "`uuid` of the message to withdraw; the number does not count then.", NAME),
        **field(
            _JSON.retract_latest,
            "How many of the latest messages to withdraw, or `ALL`.",
            {},
        ),
        **field(("retraction_reason",), "Why; kept, and shown to people.", TEXT),
        **field(("which_tier",), "Only observations can be retracted.", {"enum": ["CoincidenceTier", "ALL", ""]}),
    }
    by_uuid = given(("retract_message_uuid",), {"type": "string", "minLength": 1})
    by_number = all_of(
        given(_JSON.retract_latest),
        _spelled_as_by_snews_pt_1(*(spelled.retract_latest for spelled in _SNEWS_PT_1)),
        {"properties": {name: any_of(_LATEST, NULL) for name in _JSON.retract_latest}},
    )
    return {
        "title": "Retraction",
        "description": "A detector withdraws observations of its own: those of one message, or its latest.",
        **_tier_message(Tier.RETRACTION, properties, any_of(by_uuid, by_number)),
    }


def heartbeat() -> Schema:
    """Return the schema of a heartbeat."""
    return {
        "title": "Heartbeat",
        "description": "Whether a detector takes data. One a minute or so tells the server who is online.",
        **_tier_message(
            Tier.HEARTBEAT, field(_JSON.status, "`ON`: it takes data; or `OFF`.", _STATUS), given(_JSON.status)
        ),
    }


def snewsobservation() -> Schema:
    """Return the schema of an observation of hop-SNalert-app."""
    return {
        "title": "Observation of hop-SNalert-app",
        "description": "A burst, as the first SNEWS 2.0 application says it (hop format `snewsobservation`).",
        **_plugin_message(_observed(_PLUGIN), given(_PLUGIN.neutrino_time)),
    }


def snewsheartbeat() -> Schema:
    """Return the schema of a heartbeat of hop-SNalert-app."""
    return {
        "title": "Heartbeat of hop-SNalert-app",
        "description": "A sign of life of the first SNEWS 2.0 application's detectors (hop format `snewsheartbeat`).",
        **_plugin_message(
            field(_PLUGIN.status, "`On`: it takes data; or `Off`.", _STATUS),
            given(_PLUGIN.status),
            {"not": {"required": list(_PLUGIN.neutrino_time)}},
        ),
    }


def common(spelled: Vocabulary) -> Schema:
    """Return the properties that all messages of detectors share."""
    (name,) = spelled.detector_name
    return {
        name: {
            "description": "Name, another name, or number (as text) of a registered detector.",
            "minLength": 1,
            **NAME,
        },
        **field(spelled.message_uuid, "Identity of the message; without one, hop's or Kafka's.", NAME),
        **field(
            spelled.machine_time, "When the detector's machine wrote it, UTC; anything else is passed over.", ANYTHING
        ),
        **field(spelled.sent_time, "When it was sent, UTC; anything else is passed over.", ANYTHING),
        **field(("is_test",), "A test: goes to the cache of tests, its alerts to a topic of their own.", FLAG),
        **field(("is_firedrill",), "Of a drill: refused on the topic of real observations.", FLAG),
    }


def _observed(spelled: Vocabulary) -> Schema:
    return {
        **field(spelled.neutrino_time, "When the burst's first neutrino came, UTC.", TIME),
        **field(spelled.p_value, "p-value of the burst, in [0, 1].", P_VALUE),
    }


def _tier_message(tier: Tier, properties: Schema, *conditions: Schema) -> Schema:
    """Return the schema of a tier message: JSON, or the fields of a pickled model."""
    names = [name for name, each in TIERS.items() if each is tier]
    stronger = [name for name, each in TIERS.items() if each in _FOREIGN and each is not tier]
    by_tier = all_of(given(("tier",), {"enum": names}), id_names_none([*stronger, *WORDS]))
    by_id = all_of(missing("tier"), id_names(names))
    by_nothing = all_of(missing("tier"), id_names_none([*TIERS, *WORDS]))
    return {
        "type": "object",
        "properties": {
            **common(_JSON),
            **_PRE_SN,
            **field(("tier",), "What the message is; without it, the id decides.", {"enum": names}),
            **field(("id", "_id"), f"`<detector>_{names[0]}_<time>`; anything else if `tier` is given.", TEXT),
            **properties,
            "meta": {"description": "Anything; kept in the journal."},
            "schema_version": {"description": "Version of the client's format; `1.` begins those of snews_pt 1."},
        },
        "required": list(_JSON.detector_name),
        **all_of(*conditions, any_of(by_tier, by_id, *([by_nothing] if tier is Tier.COINCIDENCE else []))),
    }


def _spelled_as_by_snews_pt_1(*spellings: Spellings) -> Schema:
    """Return that a message that looks like one of snews_pt 1 has a field under a name that those clients use."""
    version = {"type": "string", "pattern": r"^1\."}
    other = {"not": given(("schema_version",), version)}
    names = dict.fromkeys(name for each in spellings for name in each)
    return any_of(given(("tier",)), other, given(tuple(names)))


def _plugin_message(properties: Schema, *conditions: Schema) -> Schema:
    """Return the schema of a message of hop-SNalert-app, which is known by its ``message_id``."""
    return {
        "type": "object",
        "properties": {
            **common(_PLUGIN),
            **_PRE_SN,
            **properties,
            **field(("id", "_id"), "Kept in the journal; not that of a command.", TEXT),
            "location": {"description": "Kept in the journal."},
            "content": {"description": "Kept in the journal."},
        },
        "required": [*_PLUGIN.message_uuid, *_PLUGIN.detector_name],
        **all_of(*conditions, {"not": {"required": list(_JSON.detector_name)}}, id_names_none(WORDS)),
    }
