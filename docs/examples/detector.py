"""Talk to snews_cs as a detector: heartbeats, an observation, a retraction.

    python detector.py kafka://kafka.scimma.org/snews.experiments-test XENONnT

sends a heartbeat each minute until Ctrl-C, and one that says OFF at the end. It needs
hop-client alone. In your own program, use Detector.
"""

import argparse
import logging
import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException
from hop import Stream
from hop.io import Producer
from hop.models import JSONBlob

PATIENCE = timedelta(seconds=10)
"""After this a message that the broker has not acknowledged is given up."""


class NotSent(Exception):
    """The broker has not acknowledged a message. Sending it again does no harm."""


class Detector:
    """A detector's connection to the topic of observations. Open it once, and keep it."""

    def __init__(
        self, url: str, name: str, *, auth: bool = True, is_test: bool = False
    ) -> None:
        self._who = {"detector_name": name, "is_test": is_test}
        self._troubles: list[KafkaError] = []  # of the connection, since the last message
        self._producer: Producer = Stream(auth=auth).open(
            url,
            "w",
            produce_timeout=PATIENCE,
            automatic_offload=False,  # it would ask the broker of the topic first
            error_callback=self._troubles.append,
        )

    def heartbeat(self, *, on: bool) -> None:
        """Say whether the detector takes data."""
        self._send(tier="Heartbeat", detector_status="ON" if on else "OFF")

    def observe(self, neutrino_time: str, p_value: float | None = None) -> str:
        """Tell of a burst by its first neutrino (ISO 8601, UTC); return the uuid."""
        seen = {"neutrino_time_utc": neutrino_time, "p_val": p_value}
        return self._send(tier="CoincidenceTier", **seen)

    def retract(self, message_uuid: str, reason: str = "") -> None:
        """Take back the observation of that uuid."""
        what = {"retract_message_uuid": message_uuid, "retraction_reason": reason}
        self._send(tier="Retraction", **what)

    def _send(self, **fields: Any) -> str:
        """Send a message, and wait until the broker has it."""
        message_uuid = str(uuid.uuid4())
        now = datetime.now(UTC).isoformat()
        message = {**self._who, "uuid": message_uuid, "machine_time_utc": now, **fields}
        errors: list[Any] = []  # one comes: None if the broker has the message
        self._troubles.clear()

        def answered(error: Any, _: object) -> None:
            errors.append(error)

        self._producer.write(JSONBlob(message), delivery_callback=answered)
        self._producer.flush(2 * PATIENCE)
        if not errors or errors[0] is not None:
            why = [error.str() for error in (*self._troubles, *errors)]
            raise NotSent(f"not acknowledged: {why[0] if why else 'no answer'}")
        return message_uuid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()


def send_heartbeats(detector: Detector) -> None:
    """Send one a minute until Ctrl-C, then OFF. If the first is not taken, give up."""
    try:
        detector.heartbeat(on=True)
        while True:
            time.sleep(60)
            try:
                detector.heartbeat(on=True)
            except NotSent as error:
                print(error, file=sys.stderr)  # and the next one will tell
    except KeyboardInterrupt:
        detector.heartbeat(on=False)


def keep_quiet() -> None:
    """Keep stderr for our own lines: librdkafka tells there of each attempt to connect."""
    logging.disable()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Send heartbeats, one a minute.")
    parser.add_argument("url", help="kafka://HOST[:PORT]/TOPIC")
    parser.add_argument("name", help="the detector's name, as it is registered")
    parser.add_argument(
        "--no-auth", action="store_true", help="do not log in to the broker"
    )
    parser.add_argument("--test", action="store_true", help="mark all as tests")
    arguments = parser.parse_args()
    keep_quiet()
    auth, is_test = not arguments.no_auth, arguments.test
    try:
        with Detector(
            arguments.url, arguments.name, auth=auth, is_test=is_test
        ) as detector:
            send_heartbeats(detector)
    except KeyboardInterrupt:  # once more, while the last one was on its way
        sys.exit(130)
    except (NotSent, KafkaException) as error:
        sys.exit(f"detector.py: {error}")
    except (OSError, RuntimeError, LookupError, ValueError) as error:  # of hop: URL, login
        sys.exit(f"detector.py: cannot open {arguments.url}: {error}")


if __name__ == "__main__":
    main()
