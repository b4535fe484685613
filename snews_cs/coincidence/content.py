"""The JSON object that subscribers read for an alert (SPEC section 4, "Fields")."""

import json
from typing import Any

from snews_cs.coincidence.rates import false_alarm_probability
from snews_cs.coincidence.types import Alert, AlertType
from snews_cs.messages.times import format_utc

SCHEMA_VERSION = "1.0"

NOISY = "NOISY"
"""The flag of a member with too many alarms of late (:mod:`snews_cs.coincidence.noise`)."""

_ID_WORDS = {
    AlertType.INITIAL: "SNEWS_Coincidence_ALERT",
    AlertType.UPDATE: "SNEWS_Coincidence_ALERT-UPDATE",
    AlertType.RETRACTION: "SNEWS_Coincidence_ALERT-RETRACTION",
}


def alert_content(alert: Alert, *, server_tag: str, degraded: bool = False) -> dict[str, Any]:
    """Return an alert as published.

    Several fields stand there twice, under the name older clients read and under a plain one.

    Parameters
    ----------
    alert
        As the engine decided it.
    server_tag
        Name of the server that publishes.
    degraded
        Whether it goes out while the store cannot be reached.
    """
    is_test = alert.cache.is_test
    sent_time = format_utc(alert.sent_time_ns)
    identifier = f"{_ID_WORDS[alert.alert_type]} {sent_time}"
    p_values = [member.p_value for member in alert.members]
    given = [p_value for p_value in p_values if p_value is not None]
    average = sum(given) / len(given) if given else None
    probability = "N/A" if is_test else false_alarm_probability(alert.false_alarm_rate_per_year)
    return {
        "_id": identifier,
        "id": identifier,
        "alert_type": alert.published_type,
        "server_tag": server_tag,
        "detector_names": [member.detector_name for member in alert.members],
        "neutrino_times": [format_utc(member.neutrino_time_ns) for member in alert.members],
        "p_values": p_values,
        "p_values average": average,
        "p_values_average": average,
        "sub list number": alert.sub_list_number,
        "sub_list_number": alert.sub_list_number,
        "False Alarm Prob": probability,
        "false_alarm_prob": probability,
        "false_alarm_rate_per_year": alert.false_alarm_rate_per_year,
        "sent_time": sent_time,
        "sent_time_utc": sent_time,
        "event_id": alert.event_id,
        "revision": alert.revision,
        "supersedes": alert.supersedes,
        "alert_uuid": alert.alert_uuid,
        "message_uuids": [member.message_uuid for member in alert.members],
        "retracted_detector_names": list(alert.retracted_detector_names),
        "merged_event_ids": list(alert.merged_event_ids),
        "is_pre_sn": alert.cache.is_pre_sn,
        "detectors_online": list(alert.detectors_online),
        "detector_flags": {name: [NOISY] for name in alert.noisy_detector_names},
        "degraded": degraded,
        "schema_version": SCHEMA_VERSION,
    }


def alert_json(alert: Alert, *, server_tag: str, degraded: bool = False) -> str:
    """Return an alert as the JSON text that is journaled and published (parameters as :func:`alert_content`)."""
    return json.dumps(alert_content(alert, server_tag=server_tag, degraded=degraded), allow_nan=False)
