"""The installed commands, run as processes of their own, none of which outlives the demonstration."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from snews_cs.errors import SnewsError
from snews_cs.waiting import StopRequest

STOP_WITHIN_S = 5.0
"""How long processes have to end when they are told to."""

_POLL_S = 0.01
_LAST_LINES = 12


class DemonstrationFailed(SnewsError):
    """A process did not do what the demonstration needs; the text says which, and what it said last."""


class Interrupted(Exception):
    """The person does not want to see more."""


class Child:
    """A running command, and the file that holds what it says."""

    def __init__(self, argv: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._name = " ".join([Path(argv[0]).name, *argv[1:]])
        command = Path(sys.executable).with_name(argv[0])
        if not command.exists():
            raise DemonstrationFailed(f"{command} is not there: install the package in this environment")
        with log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603  # our own commands
                [command, *argv[1:]],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C is for the demonstration, which ends its children in order
            )

    @property
    def output(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def failed(self, how: str) -> DemonstrationFailed:
        """Return the exception that says how it failed, and what it said last."""
        said = "\n".join(self.output.splitlines()[-_LAST_LINES:])
        return DemonstrationFailed(f"`{self._name}` {how}; it said:\n{said}")

    def require_running(self) -> None:
        """Raise DemonstrationFailed if it has ended."""
        if self.process.poll() is not None:
            raise self.failed(f"ended with exit code {self.process.returncode}")

    def require_success(self) -> None:
        """Raise DemonstrationFailed if it has ended with an error."""
        if self.process.poll():
            raise self.failed(f"ended with exit code {self.process.returncode}")


class Processes:
    """Starts commands; those that still run at the end are told to stop, the last started first.

    Parameters
    ----------
    directory
        Where they run, and where what they say is kept.
    environment
        Their environment.
    stop
        The person's wish to stop: it ends every wait.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], stop: StopRequest) -> None:
        self.directory = directory
        self.environment = dict(environment)
        self._stop = stop
        self._services: list[Child] = []
        self._passing: list[Child] = []

    def start_service(self, argv: Sequence[str], log: str) -> Child:
        """Start a command that runs until the end."""
        child = Child(argv, self.directory, self.environment, self.directory / log)
        self._services.append(child)
        return child

    def start(self, argv: Sequence[str], log: str) -> Child:
        """Start a command that ends by itself."""
        child = Child(argv, self.directory, self.environment, self.directory / log)
        self._passing.append(child)
        return child

    def pause(self, seconds: float = _POLL_S) -> None:
        """Wait a moment, all well.

        Raises
        ------
        DemonstrationFailed
            If a service has ended, or any command has failed.
        Interrupted
            If the person wishes to stop.
        """
        if self._stop.wait(seconds):
            raise Interrupted
        for child in self._services:
            child.require_running()
        for child in self._passing:
            child.require_success()

    def wait_for(self, child: Child, text: str, timeout_s: float) -> str:
        """Wait until a command has said something, and return all that it said."""
        deadline = time.monotonic() + timeout_s
        while text not in (said := child.output):
            if time.monotonic() > deadline:
                raise child.failed(f"did not say {text!r} in {timeout_s:g} s")
            self.pause()
        return said

    def wait_for_end(self, child: Child, timeout_s: float) -> str:
        """Wait until a command has ended well, and return all that it said."""
        deadline = time.monotonic() + timeout_s
        while child.process.poll() is None:
            if time.monotonic() > deadline:
                raise child.failed(f"did not end in {timeout_s:g} s")
            self.pause()
        child.require_success()
        self._passing.remove(child)
        return child.output

    def close(self) -> None:
        """End all processes, within :data:`STOP_WITHIN_S` each at most."""
        for child in reversed([*self._services, *self._passing]):
            child.process.terminate()
            try:
                child.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
