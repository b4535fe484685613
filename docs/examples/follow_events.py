"""Follow the alerts of snews_cs, and tell once of what is news.

    python follow_events.py kafka://kafka.scimma.org/snews.alert-test

It needs hop-client alone. What it knows is in events.json: started again, it reads the
topic from its beginning, and tells only of what came meanwhile. Ctrl-C ends it.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from hop import Stream
from hop.io import StartPosition

Alert = dict[str, Any]


class Events:
    """What is known of each event, kept in a file.

    ``latest`` holds its alert with the highest revision; ``merged``, of an event that goes
    on in another one, the alert that said so.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        known = json.loads(file.read_text()) if file.exists() else {}
        if not isinstance(known, dict):
            raise TypeError("not what this program writes")
        self.latest: dict[str, Alert] = known.get("latest", {})
        self.merged: dict[str, Alert] = known.get("merged", {})

    def is_news(self, alert: Alert) -> bool:
        """Return whether an alert says something new: not if it is a repeat, or late."""
        event_id = alert["event_id"]
        known = self.latest.get(event_id)
        if known is not None and alert["revision"] <= known["revision"]:
            return False
        # A merged event is over, unless that was said by a server that knew no better.
        return event_id not in self.merged or bool(self.merged[event_id]["degraded"])

    def keep(self, alert: Alert) -> None:
        """Remember an alert that was news."""
        self.latest[alert["event_id"]] = alert
        self.merged.pop(alert["event_id"], None)
        self.merged |= dict.fromkeys(alert["merged_event_ids"], alert)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"latest": self.latest, "merged": self.merged}))
        new.replace(self._file)  # at once, so that a crash leaves the one or the other

    def standing(self) -> list[Alert]:
        """Return the latest alert of each event that was neither retracted nor merged."""
        unmerged = [self.latest[each] for each in self.latest if each not in self.merged]
        return [each for each in unmerged if not each["alert_type"].endswith("RETRACTION")]


def tell(alert: Alert, events: Events) -> None:
    """Tell of an alert that is news, before it is kept. Put here what is to be done."""
    line = f"{alert['alert_type']} {alert['event_id']} revision {alert['revision']}"
    if alert["event_id"] not in events.latest:
        line += ", a new event"  # whatever it is called: we may have missed its INITIAL
    if alert["degraded"]:
        line += ", preliminary: the server cannot reach its store"
    print(line)
    for name, time in zip(alert["detector_names"], alert["neutrino_times"], strict=True):
        print(f"  {name:12}{time}")
    for event_id in alert["merged_event_ids"]:
        print(f"  {event_id} goes on in it")


def read_alerts(url: str, *, auth: bool) -> Iterator[Alert]:
    """Yield the alerts of a topic from its beginning on, for ever, and nothing else."""
    with Stream(auth=auth, start_at=StartPosition.EARLIEST).open(url, "r") as stream:
        # one at a time: hop waits up to 1 s for more
        for text in stream.read_raw(autocommit=False, batch_size=1):
            try:
                content = json.loads(text or b"")
            except ValueError:
                continue
            if isinstance(content, dict) and "alert_uuid" in content:
                yield content


def keep_quiet() -> None:
    """Keep stderr for our own lines: librdkafka tells there of each attempt to connect."""
    logging.disable()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow the alerts of snews_cs.")
    parser.add_argument("url", help="kafka://HOST[:PORT]/TOPIC")
    parser.add_argument(
        "--no-auth", action="store_true", help="do not log in to the broker"
    )
    parser.add_argument("--file", default="events.json", help="what is known")
    arguments = parser.parse_args()
    keep_quiet()
    try:
        events = Events(Path(arguments.file))
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"follow_events.py: cannot use {arguments.file}: {error}")
    try:
        for alert in read_alerts(arguments.url, auth=not arguments.no_auth):
            if events.is_news(alert):
                tell(alert, events)
                events.keep(alert)
                print(f"  events that stand now: {len(events.standing())}", flush=True)
    except KeyboardInterrupt:
        print("ended", flush=True)
    except KafkaException as error:
        why = f"{error.args[0].str()} (is the broker there, is the login right?)"
        sys.exit(f"follow_events.py: cannot read {arguments.url}: {why}")
    except (OSError, RuntimeError, LookupError, ValueError) as error:  # of hop: URL, login
        sys.exit(f"follow_events.py: cannot read {arguments.url}: {error}")


if __name__ == "__main__":
    main()
