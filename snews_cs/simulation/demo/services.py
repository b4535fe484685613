"""What the demonstration runs on: the embedded broker and the server, the installed commands."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from snews_cs.settings import Settings, load_settings
from snews_cs.simulation.demo.processes import Child, DemonstrationFailed, Processes
from snews_cs.simulation.demo.screen import Screen

PATIENCE_S = 20.0
"""How long anything may take on a slow machine before the demonstration gives up on it."""

_BROKER = ("snews_cs", "broker")
_SERVER = ("snews_cs", "run-coincidence", "--embedded")
_ADDRESS = re.compile(r"kafka://(\S+:\d+)")


def forget_settings() -> None:
    """Take settings of ours out of this process's environment: a person's may name real topics."""
    for field in Settings.model_fields.values():
        os.environ.pop(str(field.alias), None)


class Services:
    """The broker, on a free port, and then the server, which needs it; both with all their data in one directory.

    Parameters
    ----------
    processes
        Starts and ends them.
    screen
        Where it is told when they are up.
    """

    def __init__(self, processes: Processes, screen: Screen) -> None:
        self.store: Path = processes.directory / "snews_cs.sqlite"
        self.ready_after_s: dict[str, float] = {}
        self._processes = processes
        self._screen = screen
        self._settings = load_settings()
        topics = [part for url in _topics(self._settings) for part in ("--topic", urlsplit(url).path[1:])]
        self._broker = self._start([*_BROKER, "--port", "0", "--data", "broker", *topics], "broker")
        self._server: Child | None = None

    def start_server(self) -> Settings:
        """Start the server as soon as the broker is ready; return the settings with which all speak to that broker."""
        said = self._wait_for("broker", self._broker, " is ready")
        address = _ADDRESS.search(said)
        if address is None:
            raise DemonstrationFailed(f"the broker does not say where it is: {said}")
        self._screen.ready(_BROKER, f"at {address[1]}", self.ready_after_s["broker"])
        self._processes.environment |= {"HOP_BROKER": address[1], "HOP_AUTH": "false", "SERVER_TAG": "demonstration"}
        self._server = self._start(["snews_cs", "--log-format", "json", *_SERVER[1:], "--data", "."], "server")
        return self._settings.moved_to(address[1])

    def wait_for_server(self) -> None:
        """Wait until the server reads the observation topic."""
        if self._server is not None:
            self._wait_for("server", self._server, "(re)Initializing Coincidence System")
            self._screen.ready(_SERVER, f"journal in {self.store.name}", self.ready_after_s["server"])

    def _start(self, argv: Sequence[str], name: str) -> Child:
        self.ready_after_s[name] = -time.monotonic()
        return self._processes.start_service(argv, f"{name}.log")

    def _wait_for(self, name: str, child: Child, text: str) -> str:
        said = self._processes.wait_for(child, text, PATIENCE_S)
        self.ready_after_s[name] += time.monotonic()
        return said


def _topics(settings: Settings) -> list[str]:
    return [
        settings.observation_topic,
        settings.alert_topic,
        settings.firedrill_observation_topic,
        settings.firedrill_alert_topic,
        settings.connection_test_topic,
    ]
