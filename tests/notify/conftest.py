"""Alerts, and a Slack to post them to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.broker import broker, topic
from tests.support.slack_server import SlackServer, slack_server

__all__ = ["broker", "topic"]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Give a local server that plays Slack."""
    with slack_server() as server:
        yield server


def alert(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return an alert as published, but for the fields that Slack's readers are not told."""
    return {
        "id": "SNEWS_Coincidence_ALERT 2026-11-21T12:30:10.000000000Z",
        "alert_type": "INITIAL",
        "alert_uuid": f"alert {number}",
        "event_id": "5fd30c02-7c1d-5c4e-9e8f-0a4f8d6e3b11",
        "revision": 1,
        "server_tag": "test server",
        "detector_names": ["Super-K", "JUNO"],
        "neutrino_times": ["2026-11-21T12:30:00.000000000Z", "2026-11-21T12:30:09.000000000Z"],
        "p_values": [0.0123456, None],
        "false_alarm_rate_per_year": 1 / 96.6,
        "detectors_online": ["DUNE", "JUNO", "LZ", "Super-K"],
        **changes,
    }
