"""A real server in a process of its own, which a test may start, stop, kill and freeze."""

import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import Self

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".services"
"""What ``make services`` made."""

START_S = 60.0
"""How long a server may take to answer; a bound against hanging, not a measure."""

STOP_S = 20.0


class Service(ABC):
    """A server in a process of its own, which ends with this one whatever happens; it begins stopped.

    Parameters
    ----------
    directory
        Its own: data, and ``log`` with what it says.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Number of the process that runs."""
        return self._running().pid

    def start(self) -> Self:
        """Start it, on the ports it had before, and wait until it answers."""
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        assert self._process is None, "it runs already"
        self._prepare()
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        watch = 'read -r _; kill -9 "$1"'  # the pipe ends when this process does
        self._guard = subprocess.Popen(
            ["sh", "-c", watch, "guard", str(self._process.pid)], stdin=subprocess.PIPE, process_group=0
        )

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + START_S
        while not self._answers():
            if self._running().poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"{type(self).__name__} does not start:\n" + self._last_words())
            time.sleep(0.02)

    def stop(self) -> None:
        """Tell it to stop, and wait until it has. No effect on one that does not run."""
        self._end(SIGTERM)

    def kill(self) -> None:
        """Kill it. No effect on one that does not run."""
        self._end(SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: its connections stand, and nobody answers."""
        self._running().send_signal(SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        self._running().send_signal(SIGCONT)

    def forget(self) -> None:
        """Delete its data; only while it is stopped."""
        assert self._process is None, "it runs"
        shutil.rmtree(self._data, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()  # nobody needs its data any more

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @abstractmethod
    def _prepare(self) -> None:
        """Make what it needs for starting."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return what starts it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it can be used."""

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it does not run"
        return self._process

    def _last_words(self) -> str:
        return "\n".join((self.directory / "log").read_text(errors="replace").splitlines()[-20:])

    def _end(self, signal: Signals) -> None:
        process, guard, self._process, self._guard = self._process, self._guard, None, None
        if process is None or guard is None:
            return
        guard.kill()
        guard.communicate()
        process.send_signal(signal)
        process.send_signal(SIGCONT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
