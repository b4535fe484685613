"""What the demonstration runs on: the embedded broker and the server, the installed commands."""

import os
import re
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from snews_cs.settings import Settings, load_settings
from snews_cs.simulation.demo.processes import Processes

PATIENCE_S = 20.0
"""How long anything may take on a slow machine before the demonstration gives up on it."""

_BROKER = ("snews_cs", "broker")
_SERVER = ("snews_cs", "run-coincidence", "--embedded")
_ADDRESS = re.compile(r"kafka://(\S+:\d+)")


class Ready(NamedTuple):
    """A service that is up: its command, something about it, and how long it took, s."""

    command: tuple[str, ...]
    about: str
    seconds: float


def forget_settings() -> None:
    """Take settings of ours out of this process's environment: a person's may name real topics."""
    for field in Settings.model_fields.values():
        os.environ.pop(str(field.alias), None)


class Services:
    """The broker, on a free port, and then the server, which needs it; both with all their data in one directory.

    The broker starts at once.

    Parameters
    ----------
    processes
        Starts and ends them.
    """

    def __init__(self, processes: Processes) -> None:
        self.store: Path = processes.directory / "snews_cs.sqlite"
        self.ready: list[Ready] = []
        self._processes = processes
        self._settings = load_settings()
        topics = [part for url in _topics(self._settings) for part in ("--topic", urlsplit(url).path[1:])]
        self._started = time.monotonic()
        self._child = processes.start_service([*_BROKER, "--port", "0", "--data", "broker", *topics], "broker.log")

    def start_server(self) -> Settings:
        """Start the server as soon as the broker is ready; return the settings with which all speak to that broker."""
        address = _ADDRESS.search(self._processes.wait_for(self._child, " is ready", PATIENCE_S))
        if address is None:
            raise self._child.failed("does not say where it is")
        self._note(_BROKER, f"at {address[1]}")
        self._processes.environment |= {
            "HOP_BROKER": address[1],
            "HOP_AUTH": "false",
            "SERVER_TAG": "demonstration",
            "MONITORING_ADDRESS": "off",  # another server may have the port
        }
        self._started = time.monotonic()
        argv = ["snews_cs", "--log-format", "json", *_SERVER[1:], "--data", "."]
        self._child = self._processes.start_service(argv, "server.log")
        return self._settings.moved_to(address[1])

    def wait_for_server(self) -> None:
        """Wait until the server reads the observation topic."""
        self._processes.wait_for(self._child, "(re)Initializing Coincidence System", PATIENCE_S)
        self._note(_SERVER, f"journal in {self.store.name}")

    def _note(self, command: tuple[str, ...], what: str) -> None:
        self.ready.append(Ready(command, what, time.monotonic() - self._started))


def _topics(settings: Settings) -> list[str]:
    return [
        settings.observation_topic,
        settings.alert_topic,
        settings.firedrill_observation_topic,
        settings.firedrill_alert_topic,
        settings.connection_test_topic,
    ]
