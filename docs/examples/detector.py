"""Talk to snews_cs as a detector: heartbeats, an observation, a retraction.

    python detector.py kafka://kafka.scimma.org/snews.experiments-test XENONnT

sends a heartbeat each minute until Ctrl-C, and one that says OFF at the end. It needs hop-client, and nothing else of
ours. In your own program, use Detector.
"""

import argparse
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from hop import Stream
from hop.io import Producer
from hop.models import JSONBlob

PATIENCE = timedelta(seconds=10)
"""After this a message that the broker has not acknowledged is given up."""


class NotSent(Exception):
    """The broker has not acknowledged a message. Sending it again does no harm."""


class Detector:
    """A detector's connection to the topic of observations. Open it once: each opening takes some ms."""

    def __init__(self, url: str, name: str, *, auth: bool = True, is_test: bool = False) -> None:
        self._name = name
        self._is_test = is_test
        self._producer: Producer = Stream(auth=auth).open(url, "w", produce_timeout=PATIENCE)

    def heartbeat(self, *, on: bool) -> None:
        """Say whether the detector takes data."""
        self._send(tier="Heartbeat", detector_status="ON" if on else "OFF")

    def observe(self, neutrino_time: str, p_value: float | None = None) -> str:
        """Tell of a burst by the time of its first neutrino (ISO 8601, UTC); return the uuid, to retract it by."""
        return self._send(tier="CoincidenceTier", neutrino_time_utc=neutrino_time, p_val=p_value)

    def retract(self, message_uuid: str, reason: str = "") -> None:
        """Take an observation back."""
        self._send(tier="Retraction", retract_message_uuid=message_uuid, retraction_reason=reason)

    def _send(self, **fields: Any) -> str:
        """Send a message, and wait until the broker has it."""
        named = {"detector_name": self._name, "uuid": str(uuid.uuid4()), "is_test": self._is_test}
        message = {**named, "machine_time_utc": datetime.now(UTC).isoformat(), **fields}
        answers: list[Any] = []  # None if the broker has it, else an error
        self._producer.write(JSONBlob(message), delivery_callback=lambda error, _: answers.append(error))
        self._producer.flush(2 * PATIENCE)
        if not answers or answers[0] is not None:
            raise NotSent(f"not acknowledged: {answers[0].str() if answers else 'no answer'}")
        return str(message["uuid"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Send heartbeats, one a minute.")
    parser.add_argument("url", help="kafka://HOST[:PORT]/TOPIC")
    parser.add_argument("name", help="the detector's name, as it is registered")
    parser.add_argument("--no-auth", action="store_true", help="do not log in to the broker")
    parser.add_argument("--test", action="store_true", help="mark all as tests")
    arguments = parser.parse_args()
    with Detector(arguments.url, arguments.name, auth=not arguments.no_auth, is_test=arguments.test) as detector:
        try:
            while True:
                try:
                    detector.heartbeat(on=True)
                except NotSent as error:
                    print(error, file=sys.stderr, flush=True)  # and the next one will tell
                time.sleep(60)
        except KeyboardInterrupt:
            detector.heartbeat(on=False)


if __name__ == "__main__":
    main()
