"""Those who tell people, run by the server as processes of their own: they cannot hold it up, nor take it down."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Self

import structlog

from snews_cs.waiting import Backoff, StopRequest

log = structlog.get_logger(__name__)

END_WITHIN_S = 3.0
"""A companion that is told to stop and has not ended by then is killed; the server itself has 5 s, and the embedded
broker, which is stopped last, some of them."""

_SETTINGS_UNUSABLE = 2
_LESS_URGENT = 5
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Companions:
    """Other commands of ``snews_cs`` that run as long as the server does.

    One that ends is started again, after a pause that grows, up to a minute; one that says that its settings cannot be
    used is not. When the server is told to stop, so are they; if it dies, they end with it. Each is watched by a thread
    of its own, for which nothing in the server waits.

    Parameters
    ----------
    stop
        The server's.
    """

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._watches: list[_Watch] = []

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start ``snews_cs`` with these arguments, and see to it that it runs."""
        self.start_program(name, [sys.executable, "-m", "snews_cs", *arguments])

    def start_program(self, name: str, command: Sequence[str]) -> None:
        """Start a program, and see to it that it runs."""
        self._watches.append(_Watch(name, command, self._stop))

    def warnings(self) -> list[str]:
        """Return a line for each that is not started again, because of its settings; any thread may ask."""
        return [f"{watch.name} cannot use its settings: it does not run" for watch in self._watches if watch.gave_up]

    def close(self) -> None:
        """Wait until all have ended, having been told to; those that take too long are killed."""
        for watch in self._watches:
            watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Watch:
    """Runs one program, until it says that it cannot use its settings: then ``gave_up`` is true."""

    def __init__(self, name: str, command: Sequence[str], stop: StopRequest) -> None:
        self.name = name
        self.gave_up = False
        self._command = command
        self._leave = StopRequest()  # also made when the server ends without having been told to
        self._told_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        stop.then(self._tell)
        self._thread = threading.Thread(target=self._run, name=f"watches {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._tell()
        told_at = self._told_at or time.monotonic()
        self._thread.join(max(0.0, told_at + END_WITHIN_S - time.monotonic()))
        process = self._process
        if process is not None and self._thread.is_alive():
            log.warning("a companion did not end in time: killing it", companion=self.name, pid=process.pid)
            process.kill()
            self._thread.join(END_WITHIN_S)

    def _tell(self) -> None:
        """Tell the program to end; safe in a signal handler."""
        if self._told_at is None:
            self._told_at = time.monotonic()
        self._leave.make()
        process = self._process
        if process is not None:
            process.terminate()

    def _run(self) -> None:
        name, backoff = self.name, Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while not self._leave:
            began = time.monotonic()
            try:
                code = self._ran()
            except OSError as error:
                delay_s = backoff.failure()
                log.error("a companion cannot be started", companion=name, error=str(error), again_in_s=delay_s)
            else:
                if self._leave:
                    return
                if code == _SETTINGS_UNUSABLE:
                    self.gave_up = True
                    log.error("ALARM: a companion cannot use its settings: it is not started again", companion=name)
                    return
                if time.monotonic() - began > _LONGEST_PAUSE_S:
                    backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                delay_s = backoff.failure()
                log.error("a companion ended: starting it again", companion=name, exit_code=code, again_in_s=delay_s)
            self._leave.wait(delay_s)

    def _ran(self) -> int:
        """Run the program to its end, and return its exit code.

        Its standard input is a pipe: that ends with this process, whatever happens to it.
        """
        with subprocess.Popen(  # noqa: S603 - this interpreter, this package
            self._command,
            stdin=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for this process, which tells the others
        ) as process:
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _LESS_URGENT)
            log.info("companion started", companion=self.name, pid=process.pid)
            self._process = process
            if self._leave:
                process.terminate()
            code = process.wait()
            self._process = None
        return code
