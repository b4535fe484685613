"""The first application's messages, as models of hop: the formats snewsobservation, snewsheartbeat, snewsalert.

hop finds this module by the entry point in the group ``hop_plugin`` and imports it with itself, wherever this project
is installed: so it imports nothing else of ours. The server reads the bytes as they came, and needs none of it.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import IO, Any, Self

from hop import plugins
from hop.models import Blob, MessageModel, format_name

log = logging.getLogger(__name__)


@dataclass
class _FirstAppMessage(MessageModel):  # type: ignore[misc]  # hop has no types
    """JSON with the fields of the dataclass; others are passed over."""

    @classmethod
    def load(cls, input_: str | bytes | IO[str]) -> Self:
        """Return the message that is written there as JSON.

        Raises
        ------
        ValueError
            If it is none of this kind: the text says why.
        """
        content = json.loads(input_ if isinstance(input_, str | bytes) else input_.read())
        if not isinstance(content, dict):
            raise ValueError(f"a {format_name(cls)} is a JSON object")  # noqa: TRY004  # as for any other content
        names = [each.name for each in fields(cls)]
        if missing := [name for name in names if name not in content]:
            raise ValueError(f"a {format_name(cls)} without {', '.join(missing)}")
        return cls(**{name: content[name] for name in names})

    @classmethod
    def deserialize(cls, data: bytes) -> Self | Blob:
        """Return the message that arrived as these bytes; if they are none, hop's Blob, as of an unknown format.

        An error would end hop's reading.
        """
        try:
            return cls.load(data)
        except (ValueError, RecursionError) as error:
            log.warning("not what its format says; returning a Blob: %s", error)
            return Blob(content=data)


@dataclass
class SNEWSObservation(_FirstAppMessage):
    """A detector saw a burst.

    Parameters
    ----------
    message_id
        Identity of the message.
    detector_id
        Whose it is: for the server, the name, another name or the number (as text) of a registered detector.
    sent_time, neutrino_time, machine_time
        When it was sent, when the burst's first neutrino came, when the detector's machine wrote it: UTC, in any form
        that the server reads (``26/11/21 06:47:13``, ``2026-11-21T06:47:13.401568123Z``).
    location
        Where the detector is, in words.
    p_value
        The burst's p-value, in [0, 1], or None.
    status
        ``On`` or ``Off``.
    content
        Anything, in words.
    """

    message_id: str
    detector_id: str
    sent_time: str
    neutrino_time: str
    machine_time: str
    location: str
    p_value: float | None
    status: str
    content: str


@dataclass
class SNEWSHeartbeat(_FirstAppMessage):
    """A detector says whether it takes data; the fields are those of :class:`SNEWSObservation`."""

    message_id: str
    detector_id: str
    sent_time: str
    machine_time: str
    location: str
    status: str
    content: str


@dataclass
class SNEWSAlert(_FirstAppMessage):
    """A coincidence was found.

    Parameters
    ----------
    message_id
        Identity of the alert.
    sent_time, machine_time
        When it was sent, and made: UTC, ``26/11/21 06:47:13``.
    content
        What was found, in words.
    """

    message_id: str
    sent_time: str
    machine_time: str
    content: str

    @classmethod
    def of(cls, alert: Mapping[str, Any]) -> Self:
        """Return an alert of this server in the first application's form, which says most of it in words.

        Parameters
        ----------
        alert
            The JSON object as published.
        """
        sent = alert["sent_time_utc"]
        sent = f"{sent[2:10].replace('-', '/')} {sent[11:19]}"
        seen = ", ".join(map(" at ".join, zip(alert["detector_names"], alert["neutrino_times"], strict=True)))
        what = f"{alert['alert_type']}, event {alert['event_id']}, revision {alert['revision']}"
        return cls(
            message_id=alert["alert_uuid"],
            sent_time=sent,
            machine_time=sent,
            content=f"SNEWS Alert: {what}: {seen}",
        )


@plugins.register  # type: ignore[untyped-decorator]  # hop has no types
def get_models() -> dict[str, type[MessageModel]]:
    """Return the models by the names of their formats, as hop asks for them."""
    return {format_name(model): model for model in (SNEWSObservation, SNEWSHeartbeat, SNEWSAlert)}
